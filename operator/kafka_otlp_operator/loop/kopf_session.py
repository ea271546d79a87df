"""The HTTP session with which kopf watches. It changes one thing: a 404 for a watched kind becomes a connection error.

When a definition is deleted, the API server answers 404 before it tells kopf's watch of definitions. kopf would exit on that 404.
After a connection error kopf tries again, until it learns that the kind is gone.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping

import aiohttp


class Watching:
    """Middleware for every request. ``plurals`` are the watched kinds, as they stand at the end of a list's path."""

    def __init__(self, plurals: Collection[str]) -> None:
        self._plurals = frozenset(plurals)

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """The server's answer. Raises ClientConnectionError when a watched kind is not served."""
        answer = await handler(request)
        if answer.status == 404 and request.url.name in self._plurals:
            answer.release()
            raise aiohttp.ClientConnectionError(f"{request.url.path} is not served (any more)")
        return answer


def session(
    headers: Mapping[str, str], context: ssl.SSLContext, plurals: Collection[str], *, trust_env: bool
) -> aiohttp.ClientSession:
    """A session in the running event loop. ``trust_env``: use the proxy that the environment names (``aiohttp.ClientSession``)."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=context),
        headers=headers,
        trust_env=trust_env,
        middlewares=(Watching(plurals),),
    )
