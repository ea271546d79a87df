"""How gRPC calls share the byte budget, and what remains when a client goes."""

import asyncio
import threading
import time
from collections.abc import Iterator

import grpc
import pytest

from kafka_otlp_exporter.config.sizing import RECORD_OVERHEAD_BYTES
from kafka_otlp_exporter.flow import intake
from kafka_otlp_exporter.flow.request import Answer, Request
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.outcomes import Delivered
from tests.beds.process import wait_until
from tests.unit.kafka_otlp_exporter import client
from tests.unit.kafka_otlp_exporter.served import BUDGET, LARGEST, Served, failing, retry_delay


def test_a_request_is_charged_for_its_bytes_until_it_is_answered(served: Served):
    """What was reserved beyond its size is free as soon as it is read."""
    served.answer = None
    future = served.channel.unary_unary(SIGNALS[Signal.TRACES].method).future(bytes(1000), timeout=15)
    request = served.next()
    assert request.charge == 1000 + RECORD_OVERHEAD_BYTES
    served.wait_for_budget(1000 + RECORD_OVERHEAD_BYTES)
    served.complete([(request, Delivered())])
    future.result(10)
    assert served.budget.taken == 0


def test_a_full_budget_is_unavailable_within_two_seconds(served: Served):
    """Nothing is read, and the client is told to send again."""
    assert served.budget.take(BUDGET)
    began = time.monotonic()
    with failing(grpc.StatusCode.UNAVAILABLE) as caught:
        served.call(b"x")
    assert 1.9 < time.monotonic() - began < 3.5
    assert "--max-in-flight-bytes" in caught.value.details()
    assert retry_delay(caught.value) == 1.0
    value = served.telemetry.registry.get_sample_value
    assert value("kafka_otlp_exporter_unavailable_total", {"reason": "MemoryBudgetFull"}) == 1
    served.budget.give(BUDGET)
    served.call(b"x")


def test_who_waits_for_the_budget_is_served_when_it_is_free(served: Served):
    """Calls are served before their time is over, and in the order of arrival."""
    assert served.budget.take(BUDGET)
    method = served.channel.unary_unary(SIGNALS[Signal.TRACES].method)
    futures = []
    for number in range(3):
        futures.append(method.future(bytes([number]), timeout=15))
        wait_until(lambda: served.admission.waiting == number + 1, 5, lambda: "the call does not wait", 0.005)  # noqa: B023
    served.budget.give(BUDGET)
    for future in futures:
        future.result(10)
    assert [served.next().payload for _ in futures] == [b"\x00", b"\x01", b"\x02"]
    served.wait_for_budget()


def test_more_requests_than_the_budget_holds_come_through_one_after_another(served: Served):
    """Each reserves a third of it while it is read; no more calls are open than may be."""
    method = served.channel.unary_unary(SIGNALS[Signal.TRACES].method)
    calls = served.admission.most_calls - 5
    futures = [method.future(bytes(100_000), timeout=30) for _ in range(calls)]
    assert {future.result(30) for future in futures} == {b""}
    served.wait_for_budget()


def test_a_client_that_goes_while_it_waits_for_kafka_is_passed_over(served: Served):
    """The pipeline gives its bytes back, and answering it does no harm."""
    served.answer = None
    future = served.channel.unary_unary(SIGNALS[Signal.TRACES].method).future(b"x", timeout=15)
    request = served.next()
    future.cancel()
    wait_until(lambda: served.admission.open_calls == 0, 5, lambda: "the call is still open", 0.01)
    assert served.budget.taken == request.charge
    served.complete([(request, Delivered())])
    assert served.budget.taken == 0
    served.answer = lambda _: Delivered()
    served.call(b"y")


def test_a_client_that_goes_before_its_message_leaves_nothing_reserved(served: Served):
    """The reservation was for bytes that will never arrive."""
    end = threading.Event()

    def never() -> Iterator[bytes]:
        end.wait(10)
        yield from ()

    future = served.channel.stream_unary(SIGNALS[Signal.TRACES].method).future(never(), timeout=15)
    served.wait_for_budget(LARGEST)
    future.cancel()
    served.wait_for_budget()
    end.set()


def test_a_client_that_goes_while_it_waits_for_the_budget_leaves_nothing_reserved(served: Served):
    """It also leaves no place in the line."""
    assert served.budget.take(BUDGET)
    future = served.channel.unary_unary(SIGNALS[Signal.TRACES].method).future(b"x", timeout=15)
    wait_until(lambda: served.admission.waiting == 1, 5, lambda: "the call does not wait", 0.005)
    future.cancel()
    wait_until(lambda: not served.admission.waiting, 5, lambda: "the call still waits", 0.005)
    served.budget.give(BUDGET)
    served.call(b"x")
    served.wait_for_budget()


def test_a_deadline_of_the_clients_ends_the_call(served: Served):
    """Nothing remains of it after the pipeline has answered."""
    served.answer = None
    with failing(grpc.StatusCode.DEADLINE_EXCEEDED):
        served.call(b"x", timeout=0.2)
    request = served.next()
    served.complete([(request, Delivered())])
    wait_until(lambda: not served.intake._waiting, 5, lambda: "the call is still open", 0.01)
    served.wait_for_budget()


def test_a_body_that_does_not_come_is_ended(served: Served, monkeypatch: pytest.MonkeyPatch):
    """A client that stalls holds a third of the budget."""
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.3)
    end = threading.Event()

    def stalling() -> Iterator[bytes]:
        end.wait(10)
        yield b"x"

    began = time.monotonic()
    with failing(grpc.StatusCode.UNAVAILABLE) as caught:
        served.channel.stream_unary(SIGNALS[Signal.TRACES].method)(stalling(), timeout=15)
    end.set()
    assert time.monotonic() - began < 3
    assert caught.value.details() == "the request took too long to arrive: send it again."
    served.wait_for_budget()
    served.call(b"x")


def test_stalling_clients_do_not_lock_out_a_good_one(served: Served):
    """Three calls hold the whole budget and nine wait for it. The good one is next, because it has its own connection."""
    end = threading.Event()

    def stalling() -> Iterator[bytes]:
        end.wait(15)
        yield from ()

    method = served.channel.stream_unary(SIGNALS[Signal.TRACES].method)
    stalled = [method.future(stalling(), timeout=15) for _ in range(12)]
    served.wait_for_budget(BUDGET)
    with client.channel(served.endpoint, [("grpc.use_local_subchannel_pool", 1)]) as other:
        for _ in range(3):
            assert other.unary_unary(SIGNALS[Signal.TRACES].method)(b"x", timeout=15) == b""
    end.set()
    # One that is let in as late as this ends without a message.
    told = {future.code() for future in stalled}
    assert grpc.StatusCode.UNAVAILABLE in told
    assert told <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT}


def test_take_waits_no_longer_than_it_was_told_and_takes_no_more(served: Served):
    """The pipeline's beat depends on it."""
    served._stop.set()
    served._thread.join()
    began = time.monotonic()
    assert served.intake.take(10, 0.1) == []
    assert 0.1 <= time.monotonic() - began < 1
    method = served.channel.unary_unary(SIGNALS[Signal.TRACES].method)
    futures = [method.future(b"x", timeout=15) for _ in range(3)]
    wait_until(lambda: served.intake._arrived.qsize() == 3, 5, lambda: "the calls do not arrive", 0.01)
    first, second = served.intake.take(2, 1), served.intake.take(2, 1)
    assert [len(first), len(second)] == [2, 1]
    served.complete([(request, Delivered()) for request in first + second])
    assert {future.result(10) for future in futures} == {b""}


def test_an_answer_to_nobody_is_passed_over(served: Served):
    """An id that no request has is ignored."""
    served.intake.complete([Answer(999_999, Delivered())])
    served.call(b"x")


@pytest.mark.parametrize("granted_first", [True, False])
def test_a_client_that_goes_in_the_moment_of_its_turn_leaves_nothing_reserved(served: Served, granted_first: bool):
    """It does not matter whether the turn comes before or after the cancellation."""

    async def run() -> int:
        admission, budget = served.admission, served.budget
        assert budget.take(BUDGET)
        task = asyncio.ensure_future(admission.reserve(LARGEST, "a"))
        await asyncio.sleep(0)
        budget.taken -= BUDGET  # without a wake-up, so that the turn is given below
        if granted_first:
            admission._serve()
        task.cancel()
        if not granted_first:
            admission._serve()
        with pytest.raises(asyncio.CancelledError):
            await task
        return budget.taken

    assert served.on_loop(run()) == 0


def test_a_bug_of_ours_is_unavailable_and_leaves_nothing_taken(served: Served, monkeypatch: pytest.MonkeyPatch):
    """The answer is never UNKNOWN, which makes clients drop their data. The text of the bug is only in the log."""

    def bug(*_: object) -> Request:
        raise KeyError("a bug")

    monkeypatch.setattr(intake, "Request", bug)
    with failing(grpc.StatusCode.UNAVAILABLE) as caught:
        served.call(b"x")
    assert "a bug" not in caught.value.details()
    assert retry_delay(caught.value) == 1.0
    served.wait_for_budget()
    assert served.admission.open_calls == 0


def test_more_open_calls_than_there_is_memory_for_are_told_to_come_again(served: Served):
    """They are told at once and with RetryInfo. The open calls are not disturbed."""
    served.answer = None
    method = served.channel.unary_unary(SIGNALS[Signal.TRACES].method)
    futures = [method.future(b"x", timeout=30) for _ in range(served.admission.most_calls)]
    requests = [served.next() for _ in futures]
    with failing(grpc.StatusCode.UNAVAILABLE) as caught:
        served.call(b"y")
    assert retry_delay(caught.value) == 1.0
    served.complete([(request, Delivered()) for request in requests])
    assert {future.result(10) for future in futures} == {b""}
    served.answer = lambda _: Delivered()
    served.call(b"y")
