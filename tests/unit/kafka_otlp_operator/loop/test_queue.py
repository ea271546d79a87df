"""Which key comes next."""

import asyncio
import random
from typing import Any

import pytest

from kafka_otlp_operator.loop import queue
from kafka_otlp_operator.loop.queue import WorkQueue


def in_loop(scenario: Any) -> None:
    """Run a scenario with a queue of its own, in an event loop."""

    async def run() -> None:
        keys: WorkQueue[str] = WorkQueue(random.Random(1))
        await asyncio.wait_for(scenario(keys), 5)
        keys.close()

    asyncio.run(run())


def test_oldest_first_and_none_twice():
    """Keys come in the order in which they were added, and a waiting key is added once."""

    async def scenario(keys):
        for key in "abab":
            keys.add(key)
        assert len(keys) == 2
        assert [await keys.take(), await keys.take()] == ["a", "b"]

    in_loop(scenario)


def test_never_two_at_work_on_one_key():
    """A key that is added while it is at work comes again, but only after it is done."""

    async def scenario(keys):
        keys.add("a")
        assert await keys.take() == "a"
        keys.add("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(keys.take(), 0.05)
        assert keys.done("a", failed=False) is None
        assert await keys.take() == "a"

    in_loop(scenario)


def test_take_waits():
    """A worker sleeps until there is something to do."""

    async def scenario(keys):
        waiting = asyncio.create_task(keys.take())
        await asyncio.sleep(0.01)
        keys.add("a")
        assert await waiting == "a"

    in_loop(scenario)


def test_a_failure_that_passes_by_itself_waits_no_longer_than_it_may():
    """However often it has failed before; the next one of another kind waits as long as its number says."""

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
    """The wait doubles from half a second to a minute, with some chance in it, and starts anew after a success."""

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


def test_a_failed_key_comes_back_by_itself(monkeypatch):
    """A retry needs no event."""
    monkeypatch.setattr(queue, "_FIRST_SECONDS", 0.01)

    async def scenario(keys):
        keys.add("a")
        keys.done(await keys.take(), failed=True)
        assert len(keys) == 0
        assert await keys.take() == "a"

    in_loop(scenario)


def test_a_new_version_brings_a_retry_forward():
    """Something new about a failed key may be its repair: it is looked at now, and once."""

    async def scenario(keys):
        keys.add("a")
        keys.done(await keys.take(), failed=True)
        keys.add("a", new=True)
        assert await keys.take() == "a"
        assert keys.done("a", failed=False) is None
        assert keys._timers == {}

    in_loop(scenario)


def test_any_other_event_leaves_a_retry_where_it_is():
    """What the work itself may have caused, before or after it is done, does not make it start over at once."""

    async def scenario(keys):
        keys.add("a")
        await keys.take()
        keys.add("a")
        assert keys.done("a", failed=True) is not None
        keys.add("a")
        assert len(keys) == 0
        assert list(keys._timers) == ["a"]

    in_loop(scenario)


def test_a_new_version_during_the_work_is_looked_at_at_once():
    """The version that failed is not the newest any more."""

    async def scenario(keys):
        keys.add("a")
        await keys.take()
        keys.add("a", new=True)
        keys.add("a")
        assert keys.done("a", failed=True) is None
        assert await keys.take() == "a"

    in_loop(scenario)


def test_what_is_not_settled_is_looked_at_again(monkeypatch):
    """A few times, less often each time, and after it was settled from the beginning."""
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
    """Nothing failed, so there is nothing to be wary of."""

    async def scenario(keys):
        keys.add("a")
        keys.done(await keys.take(), failed=False, settled=False)
        keys.add("a")
        assert keys._timers == {}
        assert await keys.take() == "a"

    in_loop(scenario)


def test_a_new_version_is_looked_at_as_often_as_the_first():
    """However often the one before was."""

    async def scenario(keys):
        for _ in range(queue._LOOKS + 1):
            keys.add("a")
            await keys.take()
            keys.done("a", failed=False, settled=False)
        assert "a" not in keys._timers
        keys.add("a", new=True)
        await keys.take()
        keys.done("a", failed=False, settled=False)
        assert "a" in keys._timers

    in_loop(scenario)
