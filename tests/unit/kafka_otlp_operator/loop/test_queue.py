"""Which item comes next."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from kafka_otlp_operator.loop import queue
from kafka_otlp_operator.loop.queue import WorkQueue


def in_loop(scenario: Callable[[WorkQueue[str]], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario with a queue of its own, in an event loop."""

    async def run() -> None:
        keys: WorkQueue[str] = WorkQueue(random.Random(1))
        await asyncio.wait_for(scenario(keys), 5)
        keys.close()

    asyncio.run(run())


async def turns() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_oldest_first_and_none_twice():
    """Items come in the order in which they were added, and a waiting item is not added again."""

    async def scenario(keys):
        for key in "abab":
            keys.add(key)
        assert len(keys) == 2
        assert [await keys.take(), await keys.take()] == ["a", "b"]

    in_loop(scenario)


def test_never_two_at_work_on_one_key():
    """An item that is added while it is at work comes again, but only after it is done."""

    async def scenario(keys):
        keys.add("a")
        assert await keys.take() == "a"
        keys.add("a")
        taking = asyncio.create_task(keys.take())
        await turns()
        assert not taking.done()
        assert keys.done("a", failed=False) is None
        assert await taking == "a"

    in_loop(scenario)


def test_take_waits():
    """A worker sleeps until there is something to do."""

    async def scenario(keys):
        waiting = asyncio.create_task(keys.take())
        await turns()
        assert not waiting.done()
        keys.add("a")
        assert await waiting == "a"

    in_loop(scenario)


def test_a_failure_that_passes_by_itself_waits_no_longer_than_it_may():
    """However often the item has failed before. Its next failure of another kind waits as long as their number says."""

    async def scenario(keys):
        for _ in range(8):
            keys.add("a", new=True)
            await keys.take()
            wait = keys.done("a", failed=True, longest=8)
            assert wait <= 8
        assert wait >= 6
        keys.add("a", new=True)
        await keys.take()
        assert keys.done("a", failed=True) >= 45

    in_loop(scenario)


def test_failures_wait_longer_each_time():
    """The wait doubles from half a second to a minute, with some chance in it, and starts again after a success."""

    async def scenario(keys):
        waits = []
        for _ in range(12):
            keys.add("a", new=True)
            await keys.take()
            waits.append(keys.done("a", failed=True))
        assert all(0.75 <= wait / longest <= 1 for wait, longest in zip(waits, [0.5, 1, 2, 4, 8, 16, 32], strict=False))
        assert all(45 <= wait <= 60 for wait in waits[7:])
        keys.add("a", new=True)
        await keys.take()
        assert keys.done("a", failed=False) is None
        keys.add("a")
        await keys.take()
        assert keys.done("a", failed=True) <= 0.5

    in_loop(scenario)


def test_an_item_that_fails_for_days_still_waits_a_minute():
    """The doubling has an end: a number that is too large would be an error."""

    async def scenario(keys):
        for _ in range(1100):
            keys.add("a", new=True)
            await keys.take()
            assert keys.done("a", failed=True) <= 60

    in_loop(scenario)


def test_a_failed_item_comes_back_by_itself(monkeypatch):
    """A retry needs no event."""
    monkeypatch.setattr(queue, "_FIRST_SECONDS", 0.01)

    async def scenario(keys):
        keys.add("a")
        keys.done(await keys.take(), failed=True)
        assert len(keys) == 0
        assert await keys.take() == "a"

    in_loop(scenario)


def test_a_new_version_brings_a_retry_forward():
    """The new version may be the repair: the item is handed out now, and once."""

    async def scenario(keys):
        keys.add("a")
        keys.done(await keys.take(), failed=True)
        keys.add("a", new=True)
        assert await keys.take() == "a"
        assert keys.done("a", failed=False) is None
        assert keys._timers == {}

    in_loop(scenario)


def test_any_other_event_leaves_a_retry_where_it_is():
    """Such events may come from the work itself, before or after it is done; they must not start it again at once."""

    async def scenario(keys):
        keys.add("a")
        await keys.take()
        keys.add("a")
        assert keys.done("a", failed=True) is not None
        keys.add("a")
        assert len(keys) == 0
        assert list(keys._timers) == ["a"]

    in_loop(scenario)


@pytest.mark.parametrize("events", [[True, False], [False, True]], ids=["first", "last"])
def test_a_new_version_during_the_work_is_handed_out_at_once(events):
    """The version that failed is not the newest any more, whichever event shows it."""

    async def scenario(keys):
        keys.add("a")
        await keys.take()
        for new in events:
            keys.add("a", new=new)
        assert keys.done("a", failed=True) is None
        assert await keys.take() == "a"

    in_loop(scenario)


def test_what_is_not_settled_is_looked_at_again(monkeypatch):
    """A few times, less often each time; after the item was settled the count starts again."""
    monkeypatch.setattr(queue, "_FIRST_LOOK_SECONDS", 0.001)

    async def scenario(keys):
        keys.add("a")
        for look in range(7):
            assert await keys.take() == "a"
            assert keys._looks.get("a", 0) == look
            assert keys.done("a", failed=False, settled=False) is None
        assert keys._timers == {}
        keys.add("a")
        keys.done(await keys.take(), failed=False)
        assert keys._looks == {}

    in_loop(scenario)


def test_any_event_brings_a_look_forward():
    """Nothing failed, so that another look does no harm."""

    async def scenario(keys):
        keys.add("a")
        keys.done(await keys.take(), failed=False, settled=False)
        keys.add("a")
        assert keys._timers == {}
        assert await keys.take() == "a"

    in_loop(scenario)


def test_a_new_version_is_looked_at_as_often_as_the_first():
    """However often the version before was, and so is an item that failed in between."""

    async def scenario(keys):
        for _ in range(queue._LOOKS + 1):
            keys.add("a")
            await keys.take()
            keys.done("a", failed=False, settled=False)
        assert "a" not in keys._timers
        keys.add("a", new=True)
        await keys.take()
        keys.done("a", failed=False, settled=False)
        assert keys._looks == {"a": 1}
        keys.add("a")
        await keys.take()
        keys.done("a", failed=True, settled=False)
        assert keys._looks == {}

    in_loop(scenario)


def test_the_oldest_item_is_told():
    """Neither one at work nor one that waits for another try counts."""
    now = 100.0

    async def scenario() -> None:
        nonlocal now
        keys: WorkQueue[str] = WorkQueue(random.Random(1), lambda: now)
        assert keys.oldest() == 0
        keys.add("a")
        now = 103.0
        keys.add("b")
        keys.add("a")
        now = 110.0
        assert keys.oldest() == 10
        await keys.take()
        assert keys.oldest() == 7
        await keys.take()
        assert keys.oldest() == 0
        keys.add("a")
        now = 111.0
        assert keys.oldest() == 1
        keys.done("a", failed=True)
        assert (keys.oldest(), len(keys)) == (0, 0)
        keys.close()

    asyncio.run(scenario())


def test_a_closed_queue_tries_nothing_again():
    """Neither what failed nor what is not settled."""

    async def scenario(keys):
        for item, failed in (("a", True), ("b", False)):
            keys.add(item)
            keys.done(await keys.take(), failed=failed, settled=False)
        timers = list(keys._timers.values())
        keys.close()
        assert [timer.cancelled() for timer in timers] == [True, True]
        assert keys._timers == {}

    in_loop(scenario)
