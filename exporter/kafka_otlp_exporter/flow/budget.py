"""The bytes that the exporter may hold at one time.

A receiver takes from it before it reads a request. The pipeline takes more where a request's records are larger than the
request, and gives back when Kafka has taken or refused them, which may be after the client was answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# How often who waits for more looks whether it is still wanted.
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
        """Whether a request that was taken waits for more."""
        return self._extending > 0

    def take(self, size: int) -> bool:
        """Take ``size`` bytes for a new request; False when so many are not free, or one that was taken waits for more."""
        with self._changed:
            if self._extending or self.taken + size > self.total:
                return False
            self.taken += size
            return True

    def extend(self, size: int, timeout: float, abandoned: Callable[[], bool] = lambda: False) -> bool:
        """Take ``size`` bytes more for a request that was taken; False when they are not free within ``timeout`` seconds.

        Nothing new is taken while it waits, for what is begun must be finished first. ``abandoned`` ends the wait.
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
        """Give ``size`` bytes back, and wake who waits for them."""
        if size == 0:
            return
        with self._changed:
            self.taken -= size
            wake, self._wake = self._wake, None
            self._changed.notify_all()
        if wake is not None:
            wake()

    def when_given(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called once, by any thread, when bytes are given back, or nobody waits for more any longer."""
        with self._changed:
            self._wake = wake
