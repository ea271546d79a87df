"""The HTTP session that kopf watches with. Made by ``handlers``; the only user of aiohttp's client.

A kind whose definition was deleted is answered 404, sooner than its watch is told of it. kopf would end of that, while it tries
again where nobody answers, until it learns that there is nothing more to watch.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping

import aiohttp


class Watching:
    """What is done to each request: ``plurals`` are the kinds that are watched, as the end of a list's path has them."""

    def __init__(self, plurals: Collection[str]) -> None:
        self._plurals = frozenset(plurals)

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """The answer. Raises ClientConnectionError when a kind that is watched is not served."""
        answer = await handler(request)
        if answer.status == 404 and request.url.name in self._plurals:
            answer.release()
            raise aiohttp.ClientConnectionError(f"{request.url.path} is not served (any more)")
        return answer


def session(
    headers: Mapping[str, str], context: ssl.SSLContext, plurals: Collection[str], *, trust_env: bool
) -> aiohttp.ClientSession:
    """A session on the running event loop; ``trust_env``: the environment may name a proxy (``aiohttp.ClientSession``)."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=context),
        headers=headers,
        trust_env=trust_env,
        middlewares=(Watching(plurals),),
    )
