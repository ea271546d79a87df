"""The life of candidates for one Lease, on an API server that is a variable and clocks that a test winds."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from kafka_otlp_operator.errors import ApiError, Conflict, NotLeader
from kafka_otlp_operator.loop import leadership
from kafka_otlp_operator.loop import lease as rules
from kafka_otlp_operator.loop.leadership import Leadership


class Leases:
    """One Lease, kept as the API server keeps it."""

    def __init__(self) -> None:
        self.stored: Any = None
        self.broken = False
        self.meanwhile: Callable[[], None] = lambda: None

    def lease(self, namespace: str, name: str) -> Any:
        if self.broken:
            raise ApiError("no answer")
        stored = self.stored
        self.meanwhile()
        return stored

    def write_lease(self, lease: Any) -> Any:
        if self.broken:
            raise ApiError("no answer")
        version = lease["metadata"].get("resourceVersion")
        if version != (self.stored or {"metadata": {}})["metadata"].get("resourceVersion"):
            raise Conflict("another version")
        self.stored = {**lease, "metadata": {**lease["metadata"], "resourceVersion": f"{time.monotonic_ns()}"}}
        return self.stored


class Candidate(Leadership):
    """A candidate whose clock a test winds; ``ends`` is what it said when it lost the Lease."""

    def __init__(self, leases: Leases, identity: str) -> None:
        self.now = 0.0
        self.ends: list[str] = []
        super().__init__(leases, "n", "l", identity, self.ends.append, lambda: self.now)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once."""
    monkeypatch.setattr(rules, "RETRY_SECONDS", 0.01)


def live(scenario: Callable[[Leases, Candidate, Candidate], Any]) -> None:
    """Run a scenario with two candidates."""

    async def run() -> None:
        leases = Leases()
        one, two = Candidate(leases, "one"), Candidate(leases, "two")
        await asyncio.wait_for(scenario(leases, one, two), 10)
        await one.release()
        await two.release()

    asyncio.run(run())


async def soon(true: Callable[[], Any]) -> None:
    """Wait for a condition."""
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


async def renewed(leases: Leases) -> None:
    """Wait until the Lease is written once more."""
    version = leases.stored["metadata"]["resourceVersion"]
    await soon(lambda: leases.stored["metadata"]["resourceVersion"] != version)


def test_one_leads_and_the_other_waits():
    """As long as it renews, however the other one's clock runs."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        keeping = asyncio.create_task(one.keep())
        waiting = asyncio.create_task(two.acquire())
        await soon(lambda: two.holder == "one")
        for _ in range(20):
            one.now += 1
            two.now += 1
            await renewed(leases)
        await asyncio.sleep(0.05)
        assert (one.leads, two.leads) == (True, False)
        one.allow()
        with pytest.raises(NotLeader):
            two.allow()
        keeping.cancel()
        waiting.cancel()

    live(scenario)


def test_a_leader_that_is_gone_is_followed_after_the_time_of_its_lease():
    """And not before."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        waiting = asyncio.create_task(two.acquire())
        await soon(lambda: two.holder == "one")
        two.now = 14.9
        await asyncio.sleep(0.05)
        assert not waiting.done()
        two.now = 15.1
        await waiting
        assert two.leads
        assert leases.stored["spec"]["holderIdentity"] == "two"

    live(scenario)


def test_a_lease_that_is_given_back_is_taken_at_once():
    """Nobody's clock has moved."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        waiting = asyncio.create_task(two.acquire())
        await soon(lambda: two.holder == "one")
        await one.release()
        assert not one.leads
        await waiting
        assert two.leads

    live(scenario)


def test_a_leader_without_an_api_server_stops_before_another_starts():
    """It may write for ten seconds after its last renewal was asked for, ends then, and says why."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        keeping = asyncio.create_task(one.keep())
        leases.broken = True
        one.now = 9.9
        await asyncio.sleep(0.05)
        one.allow()
        assert not keeping.done()
        one.now = 10.1
        with pytest.raises(NotLeader):
            one.allow()
        await keeping
        assert one.ends == [
            "lost the Lease n/l: the API server was not reached in time; the process ends, to come back as a standby."
        ]

    live(scenario)


def test_a_leader_that_slept_may_not_write_when_it_wakes():
    """Even before it has found out that another one leads; then it ends."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        two.holder = ""
        await asyncio.wait({waiting := asyncio.create_task(two.acquire())}, timeout=0.05)
        two.now = 16
        await waiting
        one.now = 16
        with pytest.raises(NotLeader):
            one.allow()
        await one.keep()
        assert one.ends == ["lost the Lease n/l: two holds it; the process ends, to come back as a standby."]

    live(scenario)


def test_a_short_outage_is_lived_through():
    """The leader renews when the API server is back, and goes on."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        keeping = asyncio.create_task(one.keep())
        leases.broken = True
        one.now = 8
        await asyncio.sleep(0.05)
        leases.broken = False
        await renewed(leases)
        one.now = 17
        one.allow()
        assert not keeping.done()
        keeping.cancel()

    live(scenario)


def test_what_cannot_be_given_back_runs_out():
    """The stop goes on."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        leases.broken = True
        await one.release()
        assert not one.leads
        leases.broken = False

    live(scenario)


def test_a_lease_is_watched_from_when_it_was_read():
    """Not from when it was asked for: the answer may have taken as long as the leader needs to renew it."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()

        def slow() -> None:
            two.now = max(two.now, 14)

        leases.meanwhile = slow
        waiting = asyncio.create_task(two.acquire())
        await soon(lambda: two.holder == "one")
        two.now = 28.9
        await asyncio.sleep(0.05)
        assert not waiting.done()
        two.now = 29.1
        await waiting

    live(scenario)


def test_a_leader_whose_lease_another_one_has_written_ends_at_once():
    """It does not wait until its own time is over: both would act."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        theirs = {**leases.stored, "spec": {**leases.stored["spec"], "holderIdentity": "two"}}
        theirs["metadata"] = {**leases.stored["metadata"], "resourceVersion": "theirs"}

        def intrude() -> None:
            leases.stored = theirs

        leases.meanwhile = intrude
        await one.keep()
        assert not one.leads
        assert one.ends == ["lost the Lease n/l: two holds it; the process ends, to come back as a standby."]

    live(scenario)


def test_a_leader_ends_in_time_though_the_api_server_keeps_it_waiting(monkeypatch: pytest.MonkeyPatch):
    """Whatever becomes of the call."""
    monkeypatch.setattr(leadership, "CALL_SECONDS", 0.05)
    answered = threading.Event()

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        leases.meanwhile = lambda: bool(answered.wait(8))  # type: ignore[assignment]
        one.now = 10.1
        await asyncio.wait_for(one.keep(), 2)
        answered.set()
        assert "the API server was not reached in time" in one.ends[0]

    live(scenario)


def test_it_says_when_the_lease_cannot_be_read():
    """So that a standby that could not take over is not taken for ready."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        assert one.unread() is None
        leases.broken = True
        one.now = 20
        assert one.unread() == "the Lease could not be read for 20 s"

    live(scenario)


def test_a_lease_is_kept_where_a_write_may_be_under_way():
    """The next one acts when it has run out."""

    async def scenario(leases: Leases, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        await one.release(give_back=False)
        assert not one.leads
        assert leases.stored["spec"]["holderIdentity"] == "one"

    live(scenario)
