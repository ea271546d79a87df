"""A proxy between the operator and the API server of the tests. It does to requests what networks and crashes do.

It listens on loopback without TLS. A call without credentials reaches the API server as cluster-admin.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from tests.beds.kubernetes import ApiServer
from tests.beds.process import free_port

_FORWARDED = ("Accept", "Authorization", "Content-Type", "User-Agent")
_RETURNED = ("Content-Type", "Retry-After")


@dataclass(frozen=True)
class Call:
    """One request. ``write`` numbers the requests that change something, from 1; it is 0 for others."""

    method: str
    path: str
    query: Mapping[str, str]
    write: int

    @property
    def watch(self) -> bool:
        """Whether the answer has no end."""
        return self.query.get("watch") in {"true", "1"}


@dataclass(frozen=True)
class Answer:
    """An answer that the proxy gives in the API server's place."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @classmethod
    def failure(cls, status: int, message: str, **headers: str) -> Answer:
        """A Status object, as the API server would write it."""
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status}
        return cls(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


class Dropped(Exception):
    """A test's function raises it, and the connection ends without an answer."""


class ApiProxy:
    """The proxy, from start to stop.

    ``before`` is called with each call: it may return an Answer, which is given instead, or raise Dropped. ``after`` is called
    when the API server has answered and its answer was not passed on yet; it may raise Dropped. ``watched`` is called with
    each line of a watch, one event, and gives the lines that are passed on in its place; it may raise Dropped. They run in
    the proxy's thread. ``calls`` has every call so far.
    """

    def __init__(self, api: ApiServer, folder: Path) -> None:
        """Write a kubeconfig with the proxy's address into ``folder``. Starts nothing."""
        self._api = api
        self.port = free_port()
        self.kubeconfig = folder / "kubeconfig-of-the-proxy"
        config = json.loads(api.kubeconfig.read_text())
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self.port}"}
        config["users"][0]["user"] = {}
        self.kubeconfig.write_text(json.dumps(config))
        self.before: Callable[[Call], Answer | None] = lambda call: None
        self.after: Callable[[Call], None] = lambda call: None
        self.watched: Callable[[Call, bytes], Sequence[bytes]] = _as_it_is
        self.calls: list[Call] = []
        self._writes = 0
        self._open: WeakSet[asyncio.Transport] = WeakSet()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api proxy")

    def __enter__(self) -> Self:
        """Start the proxy."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the proxy; open watches end."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """End every connection, as an API server that stops does."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def _abort_all(self) -> None:
        for transport in self._open:
            transport.abort()

    def reset(self) -> None:
        """Forget the recorded calls, and pass every request on again."""
        self.before, self.after, self.watched = (lambda call: None), (lambda call: None), _as_it_is
        self.calls, self._writes = [], 0

    @property
    def writes(self) -> list[Call]:
        """The recorded calls that change something."""
        return [call for call in self.calls if call.write]

    async def _start(self) -> None:
        context = ssl.create_default_context(cafile=str(self._api.ca_path))
        self._session = ClientSession(
            connector=TCPConnector(ssl=context, limit=0),
            headers={"Authorization": f"Bearer {self._api.token}"},
            timeout=ClientTimeout(total=None),
            auto_decompress=False,
        )
        application = web.Application(client_max_size=0)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = self._count(request)
        if request.transport is not None:
            self._open.add(request.transport)
        try:
            if (answer := self.before(call)) is not None:
                return web.json_response(answer.body, status=answer.status, headers=answer.headers)
            return await self._forward(request, call)
        except (Dropped, ClientError):
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError from None

    def _count(self, request: web.Request) -> Call:
        # A review of access rights is a POST that changes nothing, and a Lease is not the operator's work.
        changes = request.method not in {"GET", "HEAD"} and "/selfsubjectaccessreviews" not in request.path
        changes = changes and "/leases" not in request.path
        self._writes += changes
        call = Call(request.method, request.path, dict(request.query), self._writes if changes else 0)
        self.calls.append(call)
        return call

    async def _forward(self, request: web.Request, call: Call) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        headers["Accept-Encoding"] = "identity"
        body = await request.read()
        async with self._session.request(
            request.method, f"{self._api.url}{request.rel_url}", headers=headers, data=body or None
        ) as found:
            returned = {name: found.headers[name] for name in _RETURNED if name in found.headers}
            if not call.watch:
                content = await found.read()
                self.after(call)
                return web.Response(status=found.status, headers=returned, body=content)
            self.after(call)
            stream = web.StreamResponse(status=found.status, headers=returned)
            await stream.prepare(request)
            rest = b""
            async for chunk in found.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    for said in self.watched(call, line + b"\n"):
                        await stream.write(said)
            return stream


def _as_it_is(call: Call, line: bytes) -> Sequence[bytes]:
    return [line]
