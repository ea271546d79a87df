"""The life of candidates for one Lease, on an API server in memory and clocks that a test winds."""

import asyncio
import threading
import time
from datetime import UTC, datetime

import pytest

from kafka_otlp_operator.errors import NotLeader
from kafka_otlp_operator.loop import leadership
from tests.unit.kafka_otlp_operator.loop.candidates import Candidate, Server, live, soon


async def renewed(server: Server) -> None:
    """Wait until the Lease is written once more."""
    version = server.version
    await soon(lambda: server.version != version)


def test_one_leads_and_the_other_waits() -> None:
    """As long as the leader renews the Lease, however far the other candidate's clock has gone."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        keeping = asyncio.create_task(one.keep())
        waiting = asyncio.create_task(two.acquire())
        await soon(lambda: two.holder == "one")
        for _ in range(20):
            one.now += 1
            two.now += 1
            await renewed(server)
            await two.tried()
        assert (one.leads, two.leads) == (True, False)
        one.allow()
        with pytest.raises(NotLeader, match=r"^the Lease was not renewed in time, so another operator may act"):
            two.allow()
        keeping.cancel()
        waiting.cancel()

    live(scenario)


def test_a_leader_that_is_gone_is_followed_after_the_time_of_its_lease() -> None:
    """And not before."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        waiting = asyncio.create_task(two.acquire())
        await soon(lambda: two.holder == "one")
        two.now = 14.9
        await two.tried()
        assert not waiting.done()
        two.now = 15.1
        await waiting
        assert two.leads
        assert server.spec["holderIdentity"] == "two"

    live(scenario)


def test_a_lease_counts_from_when_it_was_asked_for() -> None:
    """The answer took four seconds, so the leader may act for the six that are left."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        def slow() -> None:
            one.now += 4

        one.connection.meanwhile = slow
        await one.acquire()
        assert one.now == 4
        one.now = 9.9
        one.allow()
        one.now = 10.0
        assert not one.leads
        with pytest.raises(NotLeader):
            one.allow()

    live(scenario)


def test_a_renewal_counts_from_when_it_was_asked_for() -> None:
    """Like the first claim."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        one.now = 5.0

        def slow() -> None:
            one.now = 9.0
            one.connection.meanwhile = one.connection.sever

        one.connection.meanwhile = slow
        keeping = asyncio.create_task(one.keep())
        await soon(lambda: one.connection.broken)
        one.now = 14.9
        one.allow()
        one.now = 15.0
        assert not one.leads
        await keeping

    live(scenario)


def test_a_leader_without_an_api_server_stops_before_another_starts() -> None:
    """It may write for ten seconds after it asked for its last renewal. Then it ends and says why."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        keeping = asyncio.create_task(one.keep())
        one.connection.broken = True
        one.now = 9.9
        await one.tried()
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


def test_a_leader_that_slept_may_not_write_when_it_wakes() -> None:
    """Not even before it has found out that another one leads; then it ends."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        waiting = asyncio.create_task(two.acquire())
        await soon(lambda: two.holder == "one")
        two.now = 16
        await waiting
        one.now = 16
        with pytest.raises(NotLeader):
            one.allow()
        await one.keep()
        assert one.ends == ["lost the Lease n/l: two holds it; the process ends, to come back as a standby."]

    live(scenario)


def test_a_leader_that_slept_and_was_not_followed_leads_on() -> None:
    """It gets the time of a call to renew the Lease, although its own time is over."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        one.now = 100
        assert not one.leads
        keeping = asyncio.create_task(one.keep())
        await soon(lambda: one.leads)
        assert one.ends == []
        keeping.cancel()

    live(scenario)


def test_a_short_outage_is_lived_through() -> None:
    """The leader renews the Lease when the API server is back, and goes on."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        keeping = asyncio.create_task(one.keep())
        one.connection.broken = True
        one.now = 8
        await one.tried()
        one.connection.broken = False
        await renewed(server)
        one.now = 17
        one.allow()
        assert not keeping.done()
        keeping.cancel()

    live(scenario)


def test_a_lease_is_watched_from_when_it_was_read() -> None:
    """Not from when it was asked for: the answer may have taken as long as the leader needs to renew the Lease."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()

        def slow() -> None:
            two.now = max(two.now, 14)

        two.connection.meanwhile = slow
        waiting = asyncio.create_task(two.acquire())
        await soon(lambda: two.holder == "one")
        two.now = 28.9
        await two.tried()
        assert not waiting.done()
        two.now = 29.1
        await waiting

    live(scenario)


def test_a_leader_whose_lease_another_one_has_written_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait until its own time is over, nor for its next try: both would act."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()

        def intrude() -> None:
            one.connection.meanwhile = lambda: None
            monkeypatch.setattr(leadership, "RETRY_SECONDS", 1000.0)
            assert server.stored is not None
            server.store({**server.stored, "spec": {**server.spec, "holderIdentity": "two"}})

        one.connection.meanwhile = intrude
        await one.keep()
        assert not one.leads
        assert one.ends == ["lost the Lease n/l: two holds it; the process ends, to come back as a standby."]

    live(scenario)


def test_a_leader_ends_when_nobody_holds_its_lease_and_it_cannot_claim_it() -> None:
    """Any candidate may take such a Lease at once."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        assert server.stored is not None
        server.store({**server.stored, "spec": {**server.spec, "holderIdentity": ""}})
        one.connection.meanwhile = one.connection.sever
        await one.keep()
        assert not one.leads
        assert one.ends == ["lost the Lease n/l: nobody holds it; the process ends, to come back as a standby."]

    live(scenario)


def test_a_leader_ends_in_time_though_the_api_server_keeps_it_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever becomes of the call."""
    monkeypatch.setattr(leadership, "CALL_SECONDS", 0.05)
    answered = threading.Event()

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        one.connection.meanwhile = lambda: answered.wait(8)
        one.now = 10.1
        await asyncio.wait_for(one.keep(), 2)
        answered.set()
        assert "the API server was not reached in time" in one.ends[0]

    live(scenario)


def test_an_answer_counts_that_comes_while_the_leader_may_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it takes longer than one call should."""
    monkeypatch.setattr(leadership, "CALL_SECONDS", 0.001)
    answered = threading.Event()

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        waiting = asyncio.create_task(two.acquire())
        one.now = 5

        def keep_waiting() -> None:
            answered.wait(8)
            one.connection.meanwhile = one.connection.sever

        one.connection.meanwhile = keep_waiting
        keeping = asyncio.create_task(one.keep())
        for _ in range(5):
            await two.tried()
        answered.set()
        await soon(lambda: one.connection.broken)
        one.now = 14.9
        one.allow()
        keeping.cancel()
        waiting.cancel()

    live(scenario)


def test_it_says_when_the_lease_cannot_be_read() -> None:
    """A standby that could not take over must not be taken for a ready one."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        one.now = 10
        await one.acquire()
        one.connection.broken = True
        one.now = 25
        assert one.unread() is None
        one.now = 30
        assert one.unread() == "the Lease could not be read for 20 s"

    live(scenario)


def test_a_candidate_that_has_not_asked_yet_knows_no_holder() -> None:
    """And misses no answer."""
    candidate = Candidate(Server(), "one")
    assert candidate.holder == ""
    assert candidate.unread() is None


def test_the_times_of_a_lease_are_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the process runs: when it acquires the Lease, and when it gives the Lease back."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        began = datetime.now(UTC)
        await one.acquire()
        acquired = written(server)
        await one.release()
        assert began <= acquired <= written(server) <= datetime.now(UTC)

    try:
        live(scenario)
    finally:
        monkeypatch.undo()
        time.tzset()


def written(server: Server) -> datetime:
    """When the Lease was written, as it says itself."""
    return datetime.strptime(server.spec["renewTime"], "%Y-%m-%dT%H:%M:%S.%f%z")
