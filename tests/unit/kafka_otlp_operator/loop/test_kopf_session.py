"""The session with which kopf watches, at a server that serves some kinds."""

import asyncio
import ssl

import aiohttp
import pytest
from aiohttp import web

from kafka_otlp_operator.loop.kopf_session import session


def test_a_watched_kind_that_is_not_served_is_no_answer():
    """It becomes a connection error. All other answers are the server's, to requests with the given headers."""
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=200 if request.path.startswith("/served") else 404)

    async def ask(client: aiohttp.ClientSession, url: str) -> int:
        async with client.get(url) as found:
            return found.status

    async def run() -> list[int]:
        application = web.Application()
        application.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server = f"http://127.0.0.1:{runner.addresses[0][1]}"
        headers = {"Authorization": "Bearer t"}
        async with session(headers, ssl.create_default_context(), ["widgets"], trust_env=False) as client:
            with pytest.raises(aiohttp.ClientConnectionError, match="/apis/g/v1/widgets is not served"):
                await ask(client, f"{server}/apis/g/v1/widgets?watch=true")
            found = [await ask(client, f"{server}/{path}") for path in ("served/widgets", "apis/g", "apis/g/v1/others")]
        await runner.cleanup()
        return found

    assert asyncio.run(run()) == [200, 404, 404]
    assert seen == ["Bearer t"] * 4
