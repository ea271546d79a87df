"""The admin port: the HTTP server of /livez, /readyz, /metrics and /status. It knows nothing but the views it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from kafka_otlp_exporter.config.address import Address

# A request of the largest size that consists of empty items keeps the validating thread busy for about ten seconds.
DEAD_SECONDS = 60.0

Value = TypeVar("Value")


@dataclass(frozen=True)
class Views:
    """What the admin port shows. Each function is called for every request.

    ``live`` and ``ready`` return None when all is well, else a sentence. ``status`` returns the JSON object of /status,
    ``metrics`` Prometheus' text format.
    """

    live: Callable[[], Awaitable[str | None]]
    ready: Callable[[], Awaitable[str | None]]
    status: Callable[[], Awaitable[Mapping[str, Any]]]
    metrics: Callable[[], Awaitable[bytes]]

    @staticmethod
    def at_once(
        live: Callable[[], str | None],
        ready: Callable[[], str | None],
        status: Callable[[], Mapping[str, Any]],
        metrics: Callable[[], bytes],
    ) -> Views:
        """Views out of functions that need not wait for another process; what they return is the same as in ``Views``."""
        return Views(_known(live), _known(ready), _known(status), _known(metrics))


def _known(ask: Callable[[], Value]) -> Callable[[], Awaitable[Value]]:
    async def answer() -> Value:
        return ask()

    return answer


class Admin:
    """The HTTP server of the admin port."""

    def __init__(self, views: Views) -> None:
        application = web.Application()
        application.router.add_get("/livez", _probe(views.live))
        application.router.add_get("/readyz", _probe(views.ready))
        application.router.add_get("/status", _status(views.status))
        application.router.add_get("/metrics", _metrics(views.metrics))
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, address: Address) -> int:
        """Listen on ``address`` and return the port. Raises CannotListen."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, address.host, address.port, reuse_address=True).start()
        except OSError as error:
            raise address.cannot_listen(error) from error
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()


Handler = Callable[[web.Request], Any]


def _probe(trouble: Callable[[], Awaitable[str | None]]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        sentence = await trouble()
        return web.Response(text="ok\n") if sentence is None else web.Response(status=503, text=sentence + "\n")

    return handle


def _status(status: Callable[[], Awaitable[Mapping[str, Any]]]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response(await status())

    return handle


def _metrics(metrics: Callable[[], Awaitable[bytes]]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        # Prometheus' exposition format: text/plain; version=0.0.4.
        return web.Response(body=await metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return handle
