"""Which call may read next."""

import asyncio

import pytest

from kafka_otlp_exporter.config.settings import LARGEST_REQUEST, MEBIBYTE
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.flow import admission as admission_module
from kafka_otlp_exporter.flow.admission import LEAST_CONNECTIONS, OPEN_CALL_BYTES, SHARES, Admission
from tests.beds.process import wait_until


async def made(total: int = 4 * MEBIBYTE) -> Admission:
    """The gate of the running loop."""
    return Admission(total, asyncio.get_running_loop())


def test_the_total_is_shared_out():
    """A quarter for open calls, three of the largest requests for messages, and none over 64 MiB."""

    async def run() -> None:
        admission = await made(64 * MEBIBYTE)
        assert admission.budget.total == 48 * MEBIBYTE
        assert admission.largest_request == 16 * MEBIBYTE
        assert admission.most_calls == 16 * MEBIBYTE // OPEN_CALL_BYTES
        assert (admission.most_connections, admission.most_tls_connections) == (1024, 256)
        assert (await made()).most_connections == LEAST_CONNECTIONS
        assert (await made(1024 * MEBIBYTE)).largest_request == LARGEST_REQUEST

    asyncio.run(run())


def test_every_limit_is_a_whole_number():
    """An odd total is rounded down: gRPC takes no fraction for a limit."""

    async def run() -> None:
        admission = await made(64 * MEBIBYTE + 7)
        limits = (admission.largest_request, admission.most_calls, admission.most_connections)
        assert [type(limit) for limit in (*limits, admission.most_tls_connections)] == [int] * 4
        assert (await made(1024 * MEBIBYTE)).most_tls_connections == 4096

    asyncio.run(run())


def test_each_call_that_ends_makes_room_for_one():
    """Open calls are counted down one by one."""

    async def run() -> None:
        admission = await made()
        assert [admission.enter() for _ in range(3)] == [True] * 3
        admission.leave()
        assert admission.open_calls == 2
        admission.leave()
        admission.leave()
        assert admission.open_calls == 0

    asyncio.run(run())


def test_a_call_that_is_cancelled_gives_up_its_place():
    """Its place in the line is free, and the cancellation reaches the task."""

    async def run() -> None:
        admission = await made()
        assert admission.budget.take(admission.budget.total)
        call = asyncio.create_task(admission.reserve(1, "a"))
        await asyncio.sleep(0)
        assert admission.waiting == 1
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert admission.waiting == 0

    asyncio.run(run())


def test_a_call_that_is_cancelled_in_its_turn_gives_its_bytes_back():
    """The budget is then as full as before the call."""

    async def run() -> None:
        admission = await made()
        assert admission.budget.take(admission.budget.total)
        call = asyncio.create_task(admission.reserve(5, "a"))
        await asyncio.sleep(0)
        admission.budget.give(5)
        await asyncio.sleep(0)
        assert (admission.waiting, call.done()) == (0, False)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert admission.budget.take(5)
        assert not admission.budget.take(1)

    asyncio.run(run())


def test_a_request_that_becomes_json_is_half_as_large():
    """It may be an eighth of the total, because its records may be three eighths."""

    async def run() -> None:
        admission = Admission(64 * MEBIBYTE, asyncio.get_running_loop(), SHARES[Format.JSON])
        assert admission.largest_request == 8 * MEBIBYTE
        assert admission.budget.total // 2 == 3 * admission.largest_request

    asyncio.run(run())


def test_readers_hurry_while_a_request_waits_for_more():
    """Otherwise a slow client would hold the bytes that the other request needs."""

    async def run() -> None:
        admission = await made()
        assert admission.budget.take(admission.budget.total)
        waiting = asyncio.create_task(asyncio.to_thread(admission.budget.extend, 1, 20))
        await asyncio.to_thread(wait_until, lambda: admission.budget.contended, 5, lambda: "it does not wait", 0.001)
        assert admission.blocked
        admission.budget.give(1)
        assert await waiting
        assert not admission.blocked

    asyncio.run(run())


def test_a_call_too_many_does_not_enter():
    """It may enter when another has left."""

    async def run() -> None:
        admission = await made()
        assert all(admission.enter() for _ in range(admission.most_calls))
        assert not admission.enter()
        admission.leave()
        assert admission.enter()

    asyncio.run(run())


def test_connections_take_turns():
    """A connection with five waiting calls lets another connection go after its first call."""

    async def run() -> None:
        admission = await made()
        order: list[str] = []

        async def call(connection: str) -> None:
            assert await admission.reserve(admission.largest_request, connection)
            order.append(connection)
            await asyncio.sleep(0)
            admission.budget.give(admission.largest_request)

        assert admission.budget.take(admission.budget.total)
        async with asyncio.TaskGroup() as calls:
            for connection in "aaaaabb":
                calls.create_task(call(connection))
            await asyncio.sleep(0)
            assert admission.waiting == 7
            admission.budget.give(admission.largest_request)
        assert "".join(order) == "ababaaa"
        assert admission.waiting == 0

    asyncio.run(run())


def test_a_call_that_waits_long_is_seen():
    """Half a second; calls wait for each other for a moment all the time."""

    async def run() -> None:
        now = 1000.0
        admission = Admission(4 * MEBIBYTE, asyncio.get_running_loop(), clock=lambda: now)
        assert admission.budget.take(admission.budget.total)
        waiting = asyncio.create_task(admission.reserve(1, "a"))
        await asyncio.sleep(0)
        assert admission.waiting == 1
        now += 0.4
        assert not admission.blocked
        now += 0.2
        assert admission.blocked
        admission.budget.give(1)
        assert await waiting
        assert not admission.blocked

    asyncio.run(run())


def test_a_small_call_does_not_overtake_a_large_one():
    """There would be room for it, but the large one was first and could starve."""

    async def run() -> None:
        admission = await made()
        assert admission.budget.take(admission.budget.total - 10)
        large = asyncio.create_task(admission.reserve(11, "a"))
        await asyncio.sleep(0)
        small = asyncio.create_task(admission.reserve(1, "b"))
        await asyncio.sleep(0)
        assert admission.waiting == 2
        assert admission.budget.taken == admission.budget.total - 10
        admission.budget.give(2)
        assert await large
        assert await small

    asyncio.run(run())


def test_the_only_call_of_a_connection_that_waits_in_vain_leaves_no_line(monkeypatch: pytest.MonkeyPatch):
    """The next call is served at once when there is room."""
    monkeypatch.setattr(admission_module, "WAIT_SECONDS", 0.01)

    async def run() -> None:
        admission = await made()
        assert admission.budget.take(admission.budget.total)
        assert not await admission.reserve(5, "a")
        assert (admission.waiting, admission.blocked) == (0, False)
        admission.budget.give(5)
        assert await admission.reserve(5, "b")

    asyncio.run(run())


def test_a_call_that_waits_in_vain_leaves_the_line_and_takes_nothing(monkeypatch: pytest.MonkeyPatch):
    """The others of its connection keep their places."""
    monkeypatch.setattr(admission_module, "WAIT_SECONDS", 0.05)

    async def run() -> None:
        admission = await made()
        assert admission.budget.take(admission.budget.total)
        first = asyncio.create_task(admission.reserve(5, "a"))
        await asyncio.sleep(0)
        monkeypatch.setattr(admission_module, "WAIT_SECONDS", 30.0)
        second = asyncio.create_task(admission.reserve(5, "a"))
        await asyncio.sleep(0)
        assert not await first
        assert admission.waiting == 1
        assert admission.budget.taken == admission.budget.total
        admission.budget.give(5)
        assert await second
        assert admission.waiting == 0

    asyncio.run(run())
