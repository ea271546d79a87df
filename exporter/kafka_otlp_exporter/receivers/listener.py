"""Accepts the connections of one TCP port, over TLS when there are certificates.

The event loop's own server would keep the certificates that it began with. Here each handshake uses the newest
certificates and authorities, and the number of unfinished handshakes is limited.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

BACKLOG = 1024
HANDSHAKE_SECONDS = 5.0
# How long a client may take to agree to the end of a TLS connection (close_notify).
TLS_CLOSE_SECONDS = 2.0
# How long to wait before the next try when no connection can be accepted, because too many files are open.
_PAUSE_SECONDS = 0.1


class Listener:
    """One port, from start to close. Connections that were accepted live on after the close."""

    def __init__(
        self,
        accept: Callable[[], asyncio.BaseProtocol],
        context: Callable[[], ssl.SSLContext | None],
        full: Callable[[], bool],
        most_handshakes: int,
        *,
        shared_port: bool = False,
    ) -> None:
        """``accept`` makes the protocol of a connection. ``context`` is asked before each handshake; None is no TLS.

        ``full`` says that one more connection would be refused, so that no handshake is spent on it. At most
        ``most_handshakes`` connections begin at a time. ``shared_port``: other processes listen on the port, too.
        """
        self._shared_port = shared_port
        self._accept = accept
        self._context = context
        self._full = full
        self._room = asyncio.Semaphore(most_handshakes)
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._beginning: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen on all addresses of ``host``, and return the port. Raises OSError when that is not possible."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, _, _, _, address in dict.fromkeys(found):
                self._sockets.append(
                    socket.create_server(address[:2], family=family, backlog=BACKLOG, reuse_port=self._shared_port)
                )
                self._sockets[-1].settimeout(0)
        except OSError:
            self.close()
            raise
        self._accepting = [asyncio.create_task(self._run(one)) for one in self._sockets]
        return int(self._sockets[0].getsockname()[1])

    def close(self) -> None:
        """Accept no more; handshakes that are not done are ended."""
        for task in (*self._accepting, *self._beginning):
            task.cancel()
        for one in self._sockets:
            one.close()

    async def _run(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # While there is no room, new connections wait in the kernel.
            await self._room.acquire()
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError:
                self._room.release()
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            context = self._context()
            if context is not None and self._full():
                self._room.release()
                connection.close()
                continue
            task = asyncio.create_task(self._begin(connection, context))
            self._beginning.add(task)
            task.add_done_callback(self._begun)

    def _begun(self, task: asyncio.Task[None]) -> None:
        self._beginning.discard(task)
        self._room.release()

    async def _begin(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        # TLS itself tells the client why a handshake fails.
        with contextlib.suppress(OSError):
            await loop.connect_accepted_socket(
                self._accept,
                connection,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None,
                ssl_shutdown_timeout=TLS_CLOSE_SECONDS if context else None,
            )
