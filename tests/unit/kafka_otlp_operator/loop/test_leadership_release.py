"""What becomes of a Lease when its candidate is released."""

import asyncio
import threading

import pytest

from kafka_otlp_operator.loop.lease import Lease
from tests.unit.kafka_otlp_operator.loop.candidates import Candidate, Server, live, soon


def test_a_lease_that_is_given_back_is_taken_at_once() -> None:
    """No clock has moved, and the thread of the candidate that was released ends."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        waiting = asyncio.create_task(two.acquire())
        await soon(lambda: two.holder == "one")
        threads = lease_threads()
        await one.release()
        assert not one.leads
        await waiting
        assert two.leads
        await soon(lambda: lease_threads() == threads - 1)

    live(scenario)


def lease_threads() -> int:
    """How many candidates have a thread."""
    return sum(thread.name.startswith("lease") for thread in threading.enumerate())


def test_what_cannot_be_given_back_runs_out() -> None:
    """The stop goes on, and the Lease still has its holder."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        one.connection.broken = True
        await one.release()
        assert not one.leads
        assert server.spec["holderIdentity"] == "one"

    live(scenario)


def test_a_lease_that_is_not_held_is_not_given_back() -> None:
    """The candidate's own time is over, so another one may hold the Lease."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        one.now = 10.0
        version = server.version
        await one.release()
        assert server.version == version

    live(scenario)


def test_a_lease_is_kept_while_a_write_may_be_under_way() -> None:
    """The next leader acts when the Lease has expired."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        await one.release(give_back=False)
        assert not one.leads
        assert server.spec["holderIdentity"] == "one"

    live(scenario)


def test_a_lease_is_given_back_after_a_renewal_that_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The renewal gives the Lease another version, so without its answer nothing could be given back."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        await one.acquire()
        write = one.connection.write_lease
        written, answered = threading.Event(), threading.Event()

        def slow(lease: Lease) -> Lease:
            stored = write(lease)
            written.set()
            answered.wait(10)
            return stored

        monkeypatch.setattr(one.connection, "write_lease", slow)
        keeping = asyncio.create_task(one.keep())
        await soon(written.is_set)
        keeping.cancel()
        releasing = asyncio.create_task(one.release())
        await soon(lambda: not one.leads)
        answered.set()
        await releasing
        assert server.spec["holderIdentity"] == ""

    live(scenario)


def test_a_stop_does_not_wait_for_a_read_that_hangs() -> None:
    """The event loop goes on while the thread is still at it."""

    async def scenario(server: Server, one: Candidate, two: Candidate) -> None:
        asked, answered = threading.Event(), threading.Event()
        ended: list[bool] = []

        def hang() -> None:
            asked.set()
            ended.append(answered.wait(5))

        one.connection.meanwhile = hang
        trying = asyncio.create_task(one.acquire())
        await soon(asked.is_set)
        trying.cancel()
        await one.release()
        assert ended == []
        answered.set()

    live(scenario)
