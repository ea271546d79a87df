"""The bytes that the exporter may hold at one time.

A receiver takes from it before it reads a request, the pipeline gives back when Kafka has taken or refused the
request's records, which may be after the client was answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Budget:
    """A number of bytes that can be taken and given back, from any thread."""

    def __init__(self, total: int) -> None:
        """Start with ``total`` bytes, all of them free."""
        self.total = total
        self.taken = 0
        self._lock = threading.Lock()
        self._wake: Callable[[], None] | None = None

    def take(self, size: int) -> bool:
        """Take ``size`` bytes; False when so many are not free."""
        with self._lock:
            if self.taken + size > self.total:
                return False
            self.taken += size
            return True

    def give(self, size: int) -> None:
        """Give ``size`` bytes back, and wake who waits for them."""
        if size == 0:
            return
        with self._lock:
            self.taken -= size
            wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    def when_given(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called once, by any thread, when bytes are given back."""
        with self._lock:
            self._wake = wake
