"""The bytes that the exporter may hold at one time.

Bytes are taken before a request is read. More are taken when its records are larger than the request. They are given back
when Kafka has taken or refused the records, which may be after the client was answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# How often a wait for more bytes checks whether it was abandoned.
_LOOK_SECONDS = 0.1


class Budget:
    """A number of bytes that can be taken and given back, from any thread."""

    def __init__(self, total: int) -> None:
        """Start with ``total`` bytes, all of them free."""
        self.total = total
        self.taken = 0
        self._changed = threading.Condition(threading.Lock())
        self._extending = 0
        self._wake: Callable[[], None] | None = None

    @property
    def contended(self) -> bool:
        """Whether a request that holds bytes waits for more."""
        return self._extending > 0

    def take(self, size: int) -> bool:
        """Take ``size`` bytes for a new request; False when they are not free, or another request waits for more."""
        with self._changed:
            if self._extending or self.taken + size > self.total:
                return False
            self.taken += size
            return True

    def extend(self, size: int, timeout: float, abandoned: Callable[[], bool] = lambda: False) -> bool:
        """Take ``size`` more bytes for a request that holds some; False when they are not free within ``timeout`` seconds.

        While it waits, ``take`` returns False: otherwise requests that are begun could starve. The wait ends early when
        ``abandoned`` returns True, which is checked ten times a second.
        """
        end = time.monotonic() + timeout
        with self._changed:
            self._extending += 1
            waited = False
            while (short := self.taken + size > self.total) and not abandoned():
                left = end - time.monotonic()
                if left <= 0:
                    break
                waited = True
                self._changed.wait(min(left, _LOOK_SECONDS))
            if not short:
                self.taken += size
            self._extending -= 1
            wake = self._wake if waited else None
            self._wake = None if waited else self._wake
        if wake is not None:
            wake()
        return not short

    def give(self, size: int) -> None:
        """Give ``size`` bytes back, and wake those who wait."""
        if size == 0:
            return
        with self._changed:
            self.taken -= size
            wake, self._wake = self._wake, None
            self._changed.notify_all()
        if wake is not None:
            wake()

    def when_given(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` once, in any thread, when bytes are given back or no request waits for more any longer.

        A later call replaces an earlier one.
        """
        with self._changed:
            self._wake = wake
