"""Which call may read its message next: the gate between the clients and the byte budget.

The size of a gRPC message is not known before it is read. So a call reserves the largest size that is accepted, and gives
back what it did not need. Connections take turns: a connection with a thousand calls delays the others no longer than one
with two calls. All calls of this module must come from one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kafka_otlp_exporter.config.settings import LARGEST_REQUEST
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.flow.budget import Budget

# The largest request is a quarter or an eighth of --max-in-flight-bytes, by the format of records. JSON has two or three
# times the bytes of protobuf, and the records of one request may have three eighths of the total.
SHARES: Mapping[Format, int] = {Format.PROTOBUF: 4, Format.JSON: 8}
# What an open call needs beside its message: gRPC's call, stream and metadata, and our task. Measured with 20,000 calls.
OPEN_CALL_BYTES = 20 * 1024
# How much of the quarter for open calls is counted for one connection, measured with stalled connections. Each port may
# have LEAST_CONNECTIONS, however small the total is.
CONNECTION_BYTES = 16 * 1024
TLS_CONNECTION_BYTES = 64 * 1024
LEAST_CONNECTIONS = 128
# How long a call may wait for its turn.
WAIT_SECONDS = 2.0
# Calls often wait for each other for a moment. A call that waits so long waits for a client that does not send.
LONG_SECONDS = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    size: int
    turn: asyncio.Future[None]
    since: float


class Admission:
    """A quarter of the total is for open calls. The rest is the budget of messages: three or more of the largest size."""

    def __init__(
        self,
        total: int,
        loop: asyncio.AbstractEventLoop,
        share: int = SHARES[Format.PROTOBUF],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``total`` is --max-in-flight-bytes; the largest request is ``total // share`` bytes. ``clock`` is in seconds."""
        quarter = total // 4
        self.budget = Budget(total - quarter)
        self.largest_request = min(LARGEST_REQUEST, total // share)
        self.most_calls = quarter // OPEN_CALL_BYTES
        self.most_connections = max(LEAST_CONNECTIONS, quarter // CONNECTION_BYTES)
        self.most_tls_connections = max(LEAST_CONNECTIONS, quarter // TLS_CONNECTION_BYTES)
        self.open_calls = 0
        self._loop = loop
        self._clock = clock
        self._lines: dict[str, deque[_Waiting]] = {}

    @property
    def blocked(self) -> bool:
        """Whether a call has waited for LONG_SECONDS, or a request waits for more bytes of the budget."""
        if self.budget.contended:
            return True
        latest = self._clock() - LONG_SECONDS
        return any(line[0].since < latest for line in self._lines.values())

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return sum(len(line) for line in self._lines.values())

    def enter(self) -> bool:
        """Begin a call; False when too many are open. A call that has entered must ``leave``."""
        if self.open_calls >= self.most_calls:
            return False
        self.open_calls += 1
        return True

    def leave(self) -> None:
        """End a call."""
        self.open_calls -= 1

    async def reserve(self, size: int, connection: str) -> bool:
        """Take ``size`` bytes from the budget when it is the turn of ``connection``; False after WAIT_SECONDS."""
        if not self._lines and self.budget.take(size):
            return True
        turn: asyncio.Future[None] = self._loop.create_future()
        waiting = _Waiting(size, turn, self._clock())
        self._lines.setdefault(connection, deque()).append(waiting)
        self._serve()
        try:
            await asyncio.wait([turn], timeout=WAIT_SECONDS)
        except asyncio.CancelledError:
            if turn.done():
                self.budget.give(size)
            else:
                self._withdraw(connection, waiting)
            raise
        if not turn.done():
            self._withdraw(connection, waiting)
        return turn.done()

    def _withdraw(self, connection: str, waiting: _Waiting) -> None:
        line = self._lines[connection]
        line.remove(waiting)
        if not line:
            del self._lines[connection]

    def _serve(self) -> None:
        """Let the connections take turns, as far as the budget goes."""
        while self._lines:
            # Register before taking, so that bytes that are given back in between are not missed.
            self.budget.when_given(self._wake)
            connection, line = next(iter(self._lines.items()))
            if not self.budget.take(line[0].size):
                return
            turn = line.popleft().turn
            del self._lines[connection]
            if line:
                self._lines[connection] = line  # behind all others
            turn.set_result(None)

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._serve)
