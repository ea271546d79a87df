"""Which items are to be worked on next. It may be used in one event loop only.

An item that waits is not added twice. An item at work is not handed out again before it is done. An item that failed waits
longer each time. Only a new version of it shortens that wait; events caused by our own writes, such as the status, do not.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

_FIRST_SECONDS = 0.5
LONGEST_SECONDS = 60.0
# An item that is not settled is looked at again after 2, 4, ... 64 s, two minutes in all; after that the resync does it.
_FIRST_LOOK_SECONDS = 2.0
_LOOKS = 6


class WorkQueue(Generic[Item]):
    """The waiting items, oldest first.

    ``chance`` spreads the retries of items that failed together. ``clock`` returns seconds.
    """

    def __init__(self, chance: random.Random, clock: Callable[[], float] = time.monotonic) -> None:
        self._chance = chance
        self._clock = clock
        self._order: deque[Item] = deque()
        self._waiting: dict[Item, bool] = {}  # True: there is a new version
        self._since: dict[Item, float] = {}
        self._working: set[Item] = set()
        self._failures: dict[Item, int] = {}
        self._looks: dict[Item, int] = {}
        self._timers: dict[Item, asyncio.TimerHandle] = {}
        self._some = asyncio.Event()

    def __len__(self) -> int:
        """How many items wait. Those that wait for another try or another look are not counted."""
        return len(self._waiting)

    def oldest(self) -> float:
        """Seconds that the oldest waiting item has waited; 0 when none waits."""
        return max((self._clock() - since for since in self._since.values()), default=0.0)

    def add(self, item: Item, *, new: bool = False) -> None:
        """Let an item be worked on soon. ``new``: there is a new version of it, which may be the repair.

        Without a new version, an item that failed keeps waiting for its next try.
        """
        if item in self._timers and item in self._failures and not new:
            return
        self._stop_timer(item)
        if new:
            self._looks.pop(item, None)
        if item in self._waiting:
            self._waiting[item] |= new
            return
        self._waiting[item] = new
        self._since[item] = self._clock()
        if item not in self._working:
            self._hand_out(item)

    async def take(self) -> Item:
        """Wait for the next item. It is at work until ``done`` is called."""
        while not self._order:
            self._some.clear()
            await self._some.wait()
        item = self._order.popleft()
        del self._waiting[item], self._since[item]
        self._working.add(item)
        return item

    def done(self, item: Item, *, failed: bool, settled: bool = True, longest: float = LONGEST_SECONDS) -> float | None:
        """An item is no longer at work. Returns after how many seconds a failed one is tried again, otherwise None.

        ``longest`` bounds this wait in seconds, however often the item has failed. Not ``settled``: nothing failed, but the
        item is looked at again, because no event may show how it goes on.
        """
        self._working.discard(item)
        if settled or failed:
            self._looks.pop(item, None)
        if not failed:
            self._failures.pop(item, None)
        elif not self._waiting.get(item):
            self._waiting.pop(item, None)
            self._since.pop(item, None)
            return self._retry(item, longest)
        if item in self._waiting:
            self._hand_out(item)
        elif not settled:
            self._look_again(item)
        return None

    def close(self) -> None:
        """Forget the retries."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _hand_out(self, item: Item) -> None:
        self._order.append(item)
        self._some.set()

    def _retry(self, item: Item, longest: float) -> float:
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        return self._add_later(item, min(_FIRST_SECONDS * 2.0 ** min(failures, 10), longest))

    def _look_again(self, item: Item) -> None:
        looks = self._looks.get(item, 0)
        if looks < _LOOKS:
            self._looks[item] = looks + 1
            self._add_later(item, _FIRST_LOOK_SECONDS * 2.0**looks)

    def _add_later(self, item: Item, longest: float) -> float:
        delay = longest * self._chance.uniform(0.75, 1.0)
        self._timers[item] = asyncio.get_running_loop().call_later(delay, self._ring, item)
        return delay

    def _ring(self, item: Item) -> None:
        del self._timers[item]
        self.add(item)

    def _stop_timer(self, item: Item) -> None:
        if timer := self._timers.pop(item, None):
            timer.cancel()
