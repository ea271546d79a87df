"""``/livez``, ``/readyz`` and ``/metrics``. They only report: nothing here changes what the operator does."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kafka_otlp_operator.loop.controller import Controller


class Probes:
    """The HTTP server for the kubelet and Prometheus."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        application = web.Application()
        application.router.add_get("/livez", self._livez)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self) -> None:
        """Serve on the port of the settings. Raises OSError when the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host=None, port=self._controller.settings.port).start()

    async def stop(self) -> None:
        """Stop serving."""
        await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        if dead := self._controller.dead():
            return web.Response(status=500, text=f"{'; '.join(dead)}\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if (waits_for := self._controller.unready()) is not None:
            return web.Response(status=503, text=f"{waits_for}\n")
        if (leader := self._controller.standby()) is not None:
            return web.Response(text=f"standby: {leader} leads\n")
        return web.Response(text="ok\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        body = generate_latest(self._controller.metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
