"""The admin port: /livez, /readyz, /metrics and /status. Started by ``server``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Views:
    """What the admin port shows; each is asked anew for every request.

    ``live`` and ``ready`` return None when all is well, else a sentence.
    """

    live: Callable[[], str | None]
    ready: Callable[[], str | None]
    status: Callable[[], Mapping[str, Any]]
    metrics: Callable[[], bytes]


class Admin:
    """The HTTP server of the admin port."""

    def __init__(self, views: Views) -> None:
        application = web.Application()
        application.router.add_get("/livez", _probe(views.live))
        application.router.add_get("/readyz", _probe(views.ready))
        application.router.add_get("/status", _status(views.status))
        application.router.add_get("/metrics", _metrics(views.metrics))
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port. Raises OSError when that is not possible."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, reuse_address=True).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()


Handler = Callable[[web.Request], Any]


def _probe(trouble: Callable[[], str | None]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        sentence = trouble()
        return web.Response(text="ok\n") if sentence is None else web.Response(status=503, text=sentence + "\n")

    return handle


def _status(status: Callable[[], Mapping[str, Any]]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response(status())

    return handle


def _metrics(metrics: Callable[[], bytes]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        # Prometheus' exposition format: text/plain; version=0.0.4.
        return web.Response(body=metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return handle
