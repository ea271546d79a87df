"""Where requests come in, without a network: a way to read, and an outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from kafka_otlp_exporter.config.settings import MEBIBYTE
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.flow import intake
from kafka_otlp_exporter.flow.admission import Admission
from kafka_otlp_exporter.flow.intake import Intake
from kafka_otlp_exporter.flow.request import Answer, Request
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Reason, Rejection, Unauthenticated, Unavailable
from kafka_otlp_exporter.telemetry import logs
from kafka_otlp_exporter.telemetry.counters import Telemetry

LARGEST = MEBIBYTE
BUDGET = 3 * MEBIBYTE


class Bench:
    """An intake and its metrics; its clock stands still unless a test moves ``now``."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.telemetry = Telemetry()
        admission = Admission(4 * MEBIBYTE, asyncio.get_running_loop(), clock=lambda: self.now)
        self.intake = Intake(admission, self.telemetry, lambda: self.now)
        self.budget = self.intake.admission.budget

    def send(
        self, read: Callable[[], Awaitable[bytes | Outcome]], encoding: Format = Format.PROTOBUF
    ) -> "asyncio.Task[Outcome]":
        """A call in a task of its own, as receivers make it."""
        return asyncio.ensure_future(self.intake.export(Signal.LOGS, encoding, "a", read))

    async def next(self) -> Request:
        """The next request that has arrived."""
        (request,) = await asyncio.to_thread(self.intake.take, 1, 10)
        return request

    def complete(self, request: Request, outcome: Outcome, items: int = 0, seconds: float | None = None) -> None:
        """As the pipeline does it."""
        self.budget.give(request.charge)
        self.intake.complete([Answer(request.id, outcome, items, seconds)])

    def count(self, name: str, **labels: str) -> float | None:
        """A sample of the metrics."""
        return self.telemetry.registry.get_sample_value(f"kafka_otlp_exporter_{name}", labels)

    def answered(self) -> dict[str, float]:
        """How many requests were answered, by the outcomes that there were."""
        (family,) = (one for one in self.telemetry.registry.collect() if one.name == "kafka_otlp_exporter_requests")
        return {one.labels["outcome"]: one.value for one in family.samples if one.value}


def on_bench(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    """Run a test on a loop of its own; nothing may be left taken."""

    async def run() -> None:
        bench = Bench()
        await test(bench)
        assert (bench.budget.taken, bench.intake.admission.open_calls, bench.intake._waiting) == (0, 0, {})
        bench.intake.close()

    asyncio.run(run())


async def abc() -> bytes:
    """A payload that is there at once."""
    return b"abc"


@pytest.mark.parametrize("encoding", Format)
def test_a_request_travels_with_its_encoding_and_its_charge(encoding: Format):
    """Its outcome is returned."""

    async def test(bench: Bench) -> None:
        call = bench.send(abc, encoding)
        request = await bench.next()
        assert (request.signal, request.payload, request.encoding) == (Signal.LOGS, b"abc", encoding)
        assert request.arrival == bench.now
        assert request.charge == bench.budget.taken == 3 + 1024, "its bytes, and what librdkafka adds for a record"
        bench.complete(request, Delivered())
        assert await call == Delivered()

    on_bench(test)


def test_what_is_wrong_with_a_request_is_its_outcome():
    """Nothing arrives, and it is counted."""

    async def test(bench: Bench) -> None:
        async def read() -> Outcome:
            assert bench.budget.taken == LARGEST
            return Invalid("no.")

        assert await bench.send(read) == Invalid("no.")
        assert bench.intake.take(1, 0) == []
        assert bench.answered() == {"invalid": 1}

    on_bench(test)


@pytest.mark.parametrize(
    ("outcome", "name", "items"),
    [
        (Delivered(), "delivered", {"delivered": 7}),
        (Delivered(Rejection(2, "too large.")), "partial", {"delivered": 5}),
        (Unavailable(Reason.TIMED_OUT, "late."), "unavailable", {"unavailable": 7}),
    ],
    ids=["delivered", "partial", "unavailable"],
)
def test_an_answer_is_counted_once_with_its_items_and_its_seconds(outcome: Outcome, name: str, items: dict[str, int]):
    """A second answer to the same request is ignored."""

    async def test(bench: Bench) -> None:
        call = bench.send(abc)
        request = await bench.next()
        bench.complete(request, outcome, items=7, seconds=0.25)
        bench.intake.complete([Answer(request.id, Delivered(), 100, 1.0)])
        assert await call == outcome
        await asyncio.sleep(0)
        assert bench.answered() == {name: 1}
        assert bench.count("acknowledgement_seconds_count", signal="logs") == 1
        assert bench.count("acknowledgement_seconds_sum", signal="logs") == 0.25
        for of in ("delivered", "unavailable"):
            assert bench.count("items_total", item="log_record", outcome=of) == items.get(of, 0)

    on_bench(test)


def test_an_answer_is_counted_when_its_client_has_gone():
    """Kafka has the items all the same."""

    async def test(bench: Bench) -> None:
        call = bench.send(abc)
        request = await bench.next()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert bench.answered() == {}
        bench.complete(request, Delivered(), items=3, seconds=0.1)
        await asyncio.sleep(0)
        assert bench.answered() == {"delivered": 1}
        assert bench.count("items_total", item="log_record", outcome="delivered") == 3

    on_bench(test)


def test_a_client_that_goes_is_counted_with_the_seconds_of_its_call(monkeypatch: pytest.MonkeyPatch):
    """Seconds tell a deadline from a client that ends. An answer that was there first is no abandoned call."""
    said: list[dict[str, object]] = []
    monkeypatch.setattr(logs.log, "warning", lambda event, **fields: said.append({"event": event} | fields))

    async def test(bench: Bench) -> None:
        call = bench.send(abc)
        request = await bench.next()
        bench.now += 10
        call.cancel()
        await asyncio.wait([call])
        bench.complete(request, Delivered())
        await asyncio.sleep(0)
        assert bench.count("abandoned_calls_total", signal="logs", phase="acknowledging") == 1
        assert bench.count("abandoned_requests_total", signal="logs", outcome="delivered") == 1
        assert said == [
            {"event": "call_abandoned", "signal": "logs", "phase": "acknowledging", "seconds": 10, "unsaid": 0}
        ]
        call = bench.send(abc)
        request = await bench.next()
        bench.budget.give(request.charge)
        bench.intake._answer([Answer(request.id, Delivered())])
        call.cancel()
        await asyncio.wait([call])
        assert bench.count("abandoned_calls_total", signal="logs", phase="acknowledging") == 1
        assert bench.count("abandoned_requests_total", signal="logs", outcome="delivered") == 1

    on_bench(test)


def test_a_call_that_its_receiver_refuses_is_counted():
    """It takes no part in admission, and waits for nothing."""

    async def test(bench: Bench) -> None:
        bench.intake.drain()
        refused = Unauthenticated("no token.")
        assert bench.intake.refuse(Signal.LOGS, refused) is refused
        assert bench.answered() == {"unauthenticated": 1}
        assert bench.count("acknowledgement_seconds_count", signal="logs") == 0

    on_bench(test)


def test_a_bug_is_unavailable():
    """This holds for every kind of exception."""

    async def test(bench: Bench) -> None:
        async def read() -> bytes:
            raise KeyError("a bug")

        message = "the exporter failed over this call; its log says how."
        assert await bench.send(read) == Unavailable(Reason.INTERNAL_ERROR, message)
        assert bench.answered() == {"unavailable": 1}
        assert bench.count("unavailable_total", reason="InternalError") == 1

    on_bench(test)


def test_nothing_is_read_before_there_is_room():
    """While draining, nothing new is admitted. What was admitted before goes on."""

    async def test(bench: Bench) -> None:
        assert bench.budget.take(BUDGET)
        waiting = bench.send(abc)
        await asyncio.sleep(0)
        assert bench.intake.admission.waiting == 1
        assert bench.intake.take(1, 0) == []
        bench.intake.drain()
        refused = await bench.send(abc)
        assert refused == Unavailable(Reason.DRAINING, "the exporter is shutting down: send it again.")
        assert bench.count("unavailable_total", reason="Draining") == 1
        bench.budget.give(BUDGET)
        bench.complete(await bench.next(), Delivered())
        assert await waiting == Delivered()

    on_bench(test)


SLOW = Unavailable(Reason.TIMED_OUT, "the request took too long to arrive: send it again.")


class Stalled:
    """A way to read a request that never arrives; ``begun`` is set when somebody reads."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def __call__(self) -> bytes:
        self.begun.set()
        await asyncio.Event().wait()
        return b""


def test_a_read_that_takes_too_long_is_ended_and_only_that():
    """After ten seconds, not before, and not one that began later."""

    async def test(bench: Bench) -> None:
        first, second = Stalled(), Stalled()
        slow = bench.send(first)
        await first.begun.wait()
        bench.now += 9.9
        later = bench.send(second)
        await second.begun.wait()
        bench.intake._end_slow_reads()
        assert not slow.cancelling()
        bench.now += 0.1
        bench.intake._end_slow_reads()
        assert await slow == SLOW
        assert not later.done()
        bench.now += 9.9
        bench.intake._end_slow_reads()
        assert await later == SLOW
        assert bench.count("unavailable_total", reason="TimedOut") == 2

    on_bench(test)


def test_a_read_may_take_a_second_while_others_wait_for_its_bytes():
    """Three reads hold the whole budget; the fourth call is served as soon as they are ended."""

    async def test(bench: Bench) -> None:
        reads = [Stalled() for _ in range(3)]
        slow = [bench.send(read) for read in reads]
        for read in reads:
            await read.begun.wait()
        good = bench.send(abc)
        await asyncio.sleep(0)
        bench.now += 0.9
        bench.intake._end_slow_reads()
        assert not any(call.cancelling() for call in slow)
        bench.now += 0.1
        bench.intake._end_slow_reads()
        assert all(call.cancelling() for call in slow)
        assert [await call for call in slow] == [SLOW] * 3
        bench.complete(await bench.next(), Delivered())
        assert await good == Delivered()

    on_bench(test)


def test_slow_reads_are_looked_for_again_and_again(monkeypatch: pytest.MonkeyPatch):
    """By a timer of the intake's own."""
    monkeypatch.setattr(intake, "SWEEP_SECONDS", 0.005)

    async def test(bench: Bench) -> None:
        for _ in range(2):
            read = Stalled()
            slow = bench.send(read)
            await read.begun.wait()
            bench.now += 10
            assert await asyncio.wait_for(slow, 10) == SLOW

    on_bench(test)


def test_a_client_that_goes_while_its_request_is_read_is_no_slow_one():
    """Its task ends as cancelled, its bytes are free, and no answer is counted."""

    async def test(bench: Bench) -> None:
        read = Stalled()
        call = bench.send(read)
        await read.begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert bench.answered() == {}
        assert bench.count("abandoned_calls_total", signal="logs", phase="reading") == 1

    on_bench(test)


def test_the_largest_request_is_charged_no_more_than_was_reserved_for_it():
    """What librdkafka adds is not taken twice."""

    async def test(bench: Bench) -> None:
        async def read() -> bytes:
            return bytes(LARGEST)

        call = bench.send(read)
        request = await bench.next()
        assert request.charge == bench.budget.taken == LARGEST
        bench.complete(request, Delivered())
        assert await call == Delivered()

    on_bench(test)


def test_what_arrives_when_nothing_is_taken_any_more_is_answered():
    """Requests that wait get the same answer. No call is left without one."""
    ended = Unavailable(Reason.DRAINING, "shutting down")

    async def test(bench: Bench) -> None:
        waiting = bench.send(abc)
        request = await bench.next()
        arrived = asyncio.Event()

        async def late() -> bytes:
            await arrived.wait()
            return b"late"

        reading = bench.send(late)
        await asyncio.sleep(0)
        bench.intake.end(ended)
        assert await waiting == ended
        arrived.set()
        assert await reading == ended
        assert bench.intake.take(1, 0) == []
        assert bench.answered() == {"unavailable": 2}
        bench.budget.give(request.charge)

    on_bench(test)
