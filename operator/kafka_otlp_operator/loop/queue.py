"""Which resources are to be reconciled next. Called by ``controller``, in its event loop alone.

A key that is waiting is not added twice; a key at work is not handed out again before it is done; a key that failed
waits longer each time, and only a new version of its resource cuts that short: the work itself, a status that is
written for one, makes events.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from typing import Generic, TypeVar

Key = TypeVar("Key")

_FIRST_SECONDS = 0.5
LONGEST_SECONDS = 60.0
# Another look at what is not settled: 2, 4, ... 64 s, in all two minutes; from then on the resync does.
_FIRST_LOOK_SECONDS = 2.0
_LOOKS = 6


class WorkQueue(Generic[Key]):
    """The waiting keys, oldest first. ``chance`` spreads the retries of keys that failed together."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._order: deque[Key] = deque()
        self._waiting: dict[Key, bool] = {}  # whether it is for a new version
        self._since: dict[Key, float] = {}
        self._working: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._looks: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._some = asyncio.Event()

    def __len__(self) -> int:
        """How many keys wait; those that wait for another try or another look are not counted."""
        return len(self._waiting)

    def oldest(self) -> float:
        """Seconds that the key has waited which has waited longest; 0 when none waits."""
        return max((time.monotonic() - since for since in self._since.values()), default=0.0)

    def add(self, key: Key, *, new: bool = False) -> None:
        """Let a key be reconciled soon; ``new``: there is a new version of it, which may be the repair.

        Without one, a key that failed keeps waiting for its next try.
        """
        if key in self._timers and key in self._failures and not new:
            return
        self._stop_timer(key)
        if new:
            self._looks.pop(key, None)
        if key in self._waiting:
            self._waiting[key] |= new
            return
        self._waiting[key] = new
        self._since[key] = time.monotonic()
        if key not in self._working:
            self._hand_out(key)

    async def take(self) -> Key:
        """Wait for the next key. It is at work until ``done``."""
        while not self._order:
            self._some.clear()
            await self._some.wait()
        key = self._order.popleft()
        del self._waiting[key], self._since[key]
        self._working.add(key)
        return key

    def done(self, key: Key, *, failed: bool, settled: bool = True, longest: float = LONGEST_SECONDS) -> float | None:
        """A key is no longer at work. Returns after how many seconds a failed one is tried again, None when it is not.

        ``longest`` is the most that it may wait for that, however often it has failed. Not ``settled``: nothing failed, but
        it is looked at again although no event may tell of a change.
        """
        self._working.discard(key)
        if settled or failed:
            self._looks.pop(key, None)
        if not failed:
            self._failures.pop(key, None)
        elif not self._waiting.get(key):
            self._waiting.pop(key, None)
            self._since.pop(key, None)
            return self._retry(key, longest)
        if key in self._waiting:
            self._hand_out(key)
        elif not settled:
            self._look_again(key)
        return None

    def close(self) -> None:
        """Forget the retries."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _hand_out(self, key: Key) -> None:
        self._order.append(key)
        self._some.set()

    def _retry(self, key: Key, longest: float) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        return self._add_later(key, min(_FIRST_SECONDS * 2.0 ** min(failures, 10), longest))

    def _look_again(self, key: Key) -> None:
        looks = self._looks.get(key, 0)
        if looks < _LOOKS:
            self._looks[key] = looks + 1
            self._add_later(key, _FIRST_LOOK_SECONDS * 2.0**looks)

    def _add_later(self, key: Key, longest: float) -> float:
        delay = longest * self._chance.uniform(0.75, 1.0)
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self._ring, key)
        return delay

    def _ring(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    def _stop_timer(self, key: Key) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
