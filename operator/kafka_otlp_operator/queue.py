"""Which resources are to be reconciled next. Called by ``controller``, in its event loop alone.

A key that is waiting is not added twice; a key at work is not handed out again before it is done; a key that failed
waits longer each time.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Generic, TypeVar

Key = TypeVar("Key")

_FIRST_SECONDS = 0.5
_LAST_SECONDS = 60.0


class WorkQueue(Generic[Key]):
    """The waiting keys, oldest first. ``chance`` spreads the retries of keys that failed together."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._order: deque[Key] = deque()
        self._waiting: set[Key] = set()
        self._working: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._some = asyncio.Event()

    def __len__(self) -> int:
        """How many keys wait; those that wait for another try after a failure are not counted."""
        return len(self._waiting)

    def add(self, key: Key) -> None:
        """Let a key be reconciled soon. A pending retry of it is brought forward: what is new may be the repair."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._hand_out(key)

    async def take(self) -> Key:
        """Wait for the next key. It is at work until ``done``."""
        while not self._order:
            self._some.clear()
            await self._some.wait()
        key = self._order.popleft()
        self._waiting.discard(key)
        self._working.add(key)
        return key

    def done(self, key: Key, *, failed: bool) -> float | None:
        """A key is no longer at work. Returns after how many seconds it is tried again, None when it is not."""
        self._working.discard(key)
        if not failed:
            self._failures.pop(key, None)
        if key in self._waiting:
            self._hand_out(key)
            return None
        return self._retry(key) if failed else None

    def close(self) -> None:
        """Forget the retries."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _hand_out(self, key: Key) -> None:
        self._order.append(key)
        self._some.set()

    def _retry(self, key: Key) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest = min(_FIRST_SECONDS * 2.0 ** min(failures, 10), _LAST_SECONDS)
        delay = longest * self._chance.uniform(0.75, 1.0)
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self.add, key)
        return delay
