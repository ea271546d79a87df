"""The connections of the HTTP port: how many there may be, and which are ended so that others can be served.

A connection is idle, or the headers of a request are arriving on it, or a request is served on it. When all places are
taken, the oldest idle connection is ended for a new one. A connection is also ended when its headers take too long.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Hashable
from typing import Protocol, cast

# How long the headers of a request may take, and how many bytes may arrive before the request is served.
HEADER_SECONDS = 10.0
HEADER_BYTES = 64 * 1024
SWEEP_SECONDS = 1.0
# How much is read at once. A client can make the exporter hold a few times this before its request is admitted.
READ_BYTES = 16 * 1024

_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Parser(Hashable, Protocol):
    """The part of an HTTP library that parses requests: an asyncio protocol."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...  # noqa: D102
    def connection_lost(self, exc: BaseException | None) -> None: ...  # noqa: D102
    def data_received(self, data: bytes) -> None: ...  # noqa: D102
    def eof_received(self) -> bool | None: ...  # noqa: D102
    def pause_writing(self) -> None: ...  # noqa: D102
    def resume_writing(self) -> None: ...  # noqa: D102


class Connections:
    """All connections of one port."""

    def __init__(self, most: int, parser: Callable[[], Parser]) -> None:
        """Must be made on the event loop that serves them. ``most`` is how many connections there may be.

        ``parser`` makes the parser of a new connection.
        """
        self._most = most
        self._parser = parser
        self._loop = asyncio.get_running_loop()
        self._all: dict[Parser, _Connection] = {}
        # Each is in the order in which its connections became idle, or began to receive headers.
        self._idle: dict[_Connection, None] = {}
        self._arriving: dict[_Connection, float] = {}
        self._serving = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        # All connections share it, because what was read is handed on before anything else is read.
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._sweep = self._loop.call_later(SWEEP_SECONDS, self._end_slow_headers)

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._all)

    def full(self) -> bool:
        """Whether one more connection would be refused."""
        return len(self._all) >= self._most and not self._idle

    async def wait_quiet(self, seconds: float) -> None:
        """Wait until no request is served, at most ``seconds``."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), seconds)

    def accept(self) -> asyncio.BufferedProtocol:
        """Make the protocol of a new connection."""
        return _Connection(self, self._parser())

    def begin(self, parser: Parser) -> None:
        """Note that a request is served on the connection of this parser."""
        self._serving += 1
        self._quiet.clear()
        if (connection := self._all.get(parser)) is not None:
            self._idle.pop(connection, None)
            self._arriving.pop(connection, None)
            connection.serving = True

    def end(self, parser: Parser, *, leaving: bool, unread: int) -> None:
        """Note that the request was answered, or that its client has gone.

        ``leaving``: the connection ends after the rest of the request was read. ``unread``: how many bytes of the request
        may still arrive when the connection does not end.
        """
        self._serving -= 1
        if self._serving == 0:
            self._quiet.set()
        if (connection := self._all.get(parser)) is not None:
            connection.serving = leaving
            connection.arrived = -unread
            if not leaving:
                self._idle[connection] = None

    def end_idle(self) -> None:
        """End the idle connections."""
        for connection in list(self._idle):
            connection.transport.close()

    def close(self) -> None:
        """Stop the timer that ends slow connections."""
        self._sweep.cancel()

    def _add(self, connection: _Connection) -> bool:
        if len(self._all) >= self._most:
            if self.full():
                return False
            oldest = next(iter(self._idle))
            self._remove(oldest)
            oldest.transport.close()
        self._all[connection.parser] = connection
        self._idle[connection] = None
        return True

    def _remove(self, connection: _Connection) -> None:
        self._all.pop(connection.parser, None)
        self._idle.pop(connection, None)
        self._arriving.pop(connection, None)

    def _arrives(self, connection: _Connection, size: int) -> None:
        """Note ``size`` bytes of a request that is not served yet."""
        connection.arrived += size
        if connection in self._idle:
            del self._idle[connection]
            self._arriving[connection] = self._loop.time()
        elif connection.arrived > HEADER_BYTES:
            connection.transport.abort()

    def _end_slow_headers(self) -> None:
        latest = self._loop.time() - HEADER_SECONDS
        for connection, begun in list(self._arriving.items()):
            if begun > latest:
                break  # the others began later
            connection.transport.abort()
        self._sweep = self._loop.call_later(SWEEP_SECONDS, self._end_slow_headers)


class _Connection(asyncio.BufferedProtocol):
    """One connection. It is a BufferedProtocol, because only that can limit how much is read at once."""

    __slots__ = ("_connections", "_refused", "arrived", "parser", "serving", "transport")

    def __init__(self, connections: Connections, parser: Parser) -> None:
        self._connections = connections
        self._refused = False
        self.parser = parser
        self.arrived = 0
        self.serving = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self._connections._add(self):  # noqa: SLF001
            self.parser.connection_made(transport)
        else:
            self._refused = True
            self.transport.write(_FULL)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections._remove(self)  # noqa: SLF001
        if not self._refused:
            self.parser.connection_lost(exc)

    def get_buffer(self, _: int) -> memoryview:
        return self._connections._buffer  # noqa: SLF001

    def buffer_updated(self, nbytes: int) -> None:
        if self._refused:
            return
        if not self.serving:
            self._connections._arrives(self, nbytes)  # noqa: SLF001
        self.parser.data_received(bytes(self._connections._buffer[:nbytes]))  # noqa: SLF001

    def eof_received(self) -> bool | None:
        return None if self._refused else self.parser.eof_received()

    def pause_writing(self) -> None:
        self.parser.pause_writing()

    def resume_writing(self) -> None:
        self.parser.resume_writing()
