"""OTLP over gRPC on a real port, with a pipeline that a test holds in its hand."""

import asyncio
import contextlib
import queue
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from kafka_otlp_exporter import receiver
from kafka_otlp_exporter.admission import Admission
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Reason, Rejection, Unavailable
from kafka_otlp_exporter.pipeline import Request
from kafka_otlp_exporter.receiver import OVERHEAD, GrpcReceiver
from kafka_otlp_exporter.settings import MEBIBYTE
from kafka_otlp_exporter.signals import SIGNALS, Signal
from kafka_otlp_exporter.telemetry import Telemetry
from tests.beds.process import wait_until
from tests.unit.kafka_otlp_exporter import client, http2, samples

TOTAL = 4 * MEBIBYTE
# What is left of it for messages, and the largest of them.
BUDGET = 3 * MEBIBYTE
LARGEST = MEBIBYTE

Answer = Callable[[Request], Outcome]


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread: gRPC binds itself to the first that it sees."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever, name="loop")
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join()
    running.close()


class Served:
    """A receiver on a port, and the other side of its seam."""

    def __init__(self, loop: asyncio.AbstractEventLoop, total: int) -> None:
        self._loop = loop
        self.admission = Admission(total, loop)
        self.budget = self.admission.budget
        self.telemetry = Telemetry()
        self.receiver: GrpcReceiver = self.on_loop(self._make())
        self.endpoint = f"127.0.0.1:{self.on_loop(self.receiver.start('127.0.0.1:0'))}"
        self.channel = client.channel(self.endpoint)
        self.seen: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self.answer: Answer | None = lambda _: Delivered()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    async def _make(self) -> GrpcReceiver:
        return GrpcReceiver(self.admission, self.telemetry)

    def on_loop(self, coroutine: Any) -> Any:
        """What a coroutine returns, run on the receiver's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            requests = self.receiver.take(100, 0.02)
            for request in requests:
                self.seen.put(request)
            if self.answer is not None and requests:
                self.complete([(request, self.answer(request)) for request in requests])

    def complete(self, answers: Sequence[tuple[Request, Outcome]]) -> None:
        """Give the bytes back and answer, as the pipeline does."""
        for request, _ in answers:
            self.budget.give(request.charge)
        self.receiver.complete([(request.id, outcome) for request, outcome in answers])

    def next(self) -> Request:
        """The next request that has arrived."""
        return self.seen.get(timeout=10)

    def call(self, payload: bytes, signal: Signal = Signal.TRACES, **given: Any) -> bytes:
        """One Export call, as every client makes it."""
        return bytes(self.channel.unary_unary(SIGNALS[signal].method)(payload, **{"timeout": 15} | given))

    def stream(self, payloads: list[bytes], **given: Any) -> bytes:
        """An Export call with some other number of messages."""
        method = self.channel.stream_unary(SIGNALS[Signal.TRACES].method)
        return bytes(method(iter(payloads), **{"timeout": 15} | given))

    def wait_for_budget(self, taken: int = 0, seconds: float = 10) -> None:
        """Wait until so many bytes are taken."""
        wait_until(lambda: self.budget.taken == taken, seconds, lambda: f"{self.budget.taken} bytes are taken", 0.01)

    def stop(self) -> None:
        """End it."""
        self.channel.close()
        self.on_loop(self.receiver.stop(0))
        self._stop.set()
        self._thread.join()


@pytest.fixture
def serve(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Served]]:
    """A function that serves with a budget of so many bytes."""
    with contextlib.ExitStack() as ends:

        def start(total: int = TOTAL) -> Served:
            served = Served(loop, total)
            ends.callback(served.stop)
            return served

        yield start


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """A receiver whose pipeline delivers everything."""
    return serve()


@contextlib.contextmanager
def failing(code: grpc.StatusCode) -> Iterator[Any]:
    """A call that ends with a code."""
    with pytest.raises(grpc.RpcError) as caught:
        yield caught
    assert caught.value.code() is code, caught.value.details()


def retry_delay(error: Any) -> float | None:
    """The RetryInfo in a call's trailers, in seconds."""
    for name, value in error.trailing_metadata():
        if name == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            assert status.code == error.code().value[0]
            assert status.message == error.details()
            information = error_details_pb2.RetryInfo()
            assert status.details[0].Unpack(information)
            return float(information.retry_delay.ToMilliseconds() / 1000)
    return None


@pytest.mark.parametrize("signal", Signal)
def test_a_delivered_request_is_answered_with_an_empty_response(served: Served, signal: Signal):
    """OK, and partial_success is not set: OTLP says that it must not be on full success."""
    payload = samples.OF_EACH[signal]()
    answer = SIGNALS[signal].response.FromString(served.call(payload, signal))
    assert not answer.HasField("partial_success")
    request = served.next()
    assert (request.signal, request.payload) == (signal, payload)


def test_the_bytes_are_those_that_were_sent(served: Served):
    """Nothing is parsed on the way."""
    served.call(b"\xff no protobuf")
    assert served.next().payload == b"\xff no protobuf"


def test_an_arrival_is_before_the_take(served: Served):
    """In seconds of the monotonic clock."""
    began = time.monotonic()
    served.call(b"x")
    assert began <= served.next().arrival <= time.monotonic()


@pytest.mark.parametrize("signal", Signal)
def test_rejected_items_are_a_partial_success(served: Served, signal: Signal):
    """OK, with their number and the sentence."""
    served.answer = lambda _: Delivered(Rejection(7, "too large."))
    success = getattr(SIGNALS[signal].response.FromString(served.call(b"x", signal)), "partial_success")  # noqa: B009
    assert getattr(success, SIGNALS[signal].rejected_field) == 7
    assert success.error_message == "too large."


def test_a_malformed_payload_is_an_invalid_argument(served: Served):
    """Without RetryInfo: sending it again cannot help."""
    served.answer = lambda _: Invalid("the payload is garbage.")
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        served.call(b"x")
    assert caught.value.details() == "the payload is garbage."
    assert retry_delay(caught.value) is None


@pytest.mark.parametrize("seconds", [1.0, 5.0, 0.25])
def test_unavailable_says_when_to_come_again(served: Served, seconds: float):
    """RetryInfo in grpc-status-details-bin, beside the sentence."""
    served.answer = lambda _: Unavailable(Reason.QUEUE_FULL, "the queue is full.", seconds)
    with failing(grpc.StatusCode.UNAVAILABLE) as caught:
        served.call(b"x")
    assert caught.value.details() == "the queue is full."
    assert retry_delay(caught.value) == seconds


def test_a_sentence_may_hold_any_letter(served: Served):
    """gRPC escapes it."""
    served.answer = lambda _: Unavailable(Reason.QUEUE_FULL, "tópic % \n done.")
    with failing(grpc.StatusCode.UNAVAILABLE) as caught:
        served.call(b"x")
    assert caught.value.details() == "tópic % \n done."


def test_an_empty_payload_is_a_request(served: Served):
    """A message of no bytes is not the same as no message."""
    served.call(b"")
    assert served.next().payload == b""


def test_a_call_without_a_message_is_an_invalid_argument(served: Served):
    """It must not look like success."""
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        served.stream([])
    assert "no message" in caught.value.details()
    served.wait_for_budget()
    assert served.seen.empty()


def test_a_call_with_two_messages_is_an_invalid_argument(served: Served):
    """Nothing of it goes to Kafka."""
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        served.stream([b"one", b"two"])
    assert "more than one message" in caught.value.details()
    served.wait_for_budget()
    assert served.seen.empty()


@pytest.mark.parametrize("missing", [1, 3, 10])
def test_a_message_that_is_cut_off_is_an_invalid_argument(served: Served, missing: int):
    """gRPC shows it as the end of the stream, which must not be taken for success."""
    message = struct.pack(">BI", 0, 10) + b"0123456789"
    answer = http2.call(served.endpoint, SIGNALS[Signal.TRACES].method, message[:-missing])
    assert http2.grpc_status(answer) == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    served.wait_for_budget()
    assert served.seen.empty()


def test_a_whole_message_over_the_same_frames_is_delivered(served: Served):
    """So the cut was what was wrong."""
    message = struct.pack(">BI", 0, 10) + b"0123456789"
    answer = http2.call(served.endpoint, SIGNALS[Signal.TRACES].method, message)
    assert http2.grpc_status(answer) == 0
    assert served.next().payload == b"0123456789"


@pytest.mark.parametrize("length", [LARGEST + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_declared_length_over_the_limit_is_refused_before_its_bytes(served: Served, length: int):
    """Five bytes are enough to see it."""
    answer = http2.call(served.endpoint, SIGNALS[Signal.TRACES].method, struct.pack(">BI", 0, length) + b"0")
    assert http2.grpc_status(answer) == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    served.wait_for_budget()


def test_an_encoding_that_nobody_knows_is_refused(served: Served):
    """By gRPC itself, and never taken for a plain message."""
    message = struct.pack(">BI", 1, 3) + b"abc"
    answer = http2.call(served.endpoint, SIGNALS[Signal.TRACES].method, message, grpc_encoding="zstd")
    assert http2.grpc_status(answer) in {
        code.value[0] for code in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL)
    }
    assert served.seen.empty()


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests_are_accepted(served: Served, compression: grpc.Compression):
    """And handed over as they were before."""
    payload = samples.traces(500)
    served.call(payload, compression=compression)
    assert served.next().payload == payload


def test_the_largest_request_is_accepted_and_one_byte_more_is_not(served: Served):
    """A quarter of the budget; without RetryInfo, for it will not become smaller."""
    served.call(bytes(LARGEST))
    with failing(grpc.StatusCode.RESOURCE_EXHAUSTED) as caught:
        served.call(bytes(LARGEST + 1))
    assert retry_delay(caught.value) is None
    served.wait_for_budget()


def test_a_small_body_that_becomes_too_large_is_refused(served: Served):
    """The limit holds for what a body inflates to."""
    with failing(grpc.StatusCode.RESOURCE_EXHAUSTED):
        served.call(bytes(LARGEST * 16), compression=grpc.Compression.Gzip)
    served.wait_for_budget()
    assert served.seen.empty()


@pytest.mark.parametrize(
    "path",
    [
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "/TraceService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/../Export",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ],
)
def test_what_is_none_of_the_three_methods_is_unimplemented(served: Served, path: str):
    """A client that speaks of profiles learns that there are none here."""
    with failing(grpc.StatusCode.UNIMPLEMENTED):
        served.channel.unary_unary(path)(b"x", timeout=10)


@pytest.mark.parametrize(
    "path",
    [
        "opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "//opentelemetry.proto.collector.trace.v1.TraceService/Export",
    ],
)
def test_a_path_that_is_nearly_right_is_not_delivered(served: Served, path: str):
    """Raw on the wire, where no client library puts it right."""
    answer = http2.call(served.endpoint, path, struct.pack(">BI", 0, 1) + b"x")
    assert http2.grpc_status(answer) != 0
    assert served.seen.empty()


def test_a_request_is_charged_for_its_bytes_until_it_is_answered(served: Served):
    """And what was reserved beyond them is free as soon as it was read."""
    served.answer = None
    future = served.channel.unary_unary(SIGNALS[Signal.TRACES].method).future(bytes(1000), timeout=15)
    request = served.next()
    assert request.charge == 1000 + OVERHEAD
    served.wait_for_budget(1000 + OVERHEAD)
    served.complete([(request, Delivered())])
    future.result(10)
    assert served.budget.taken == 0


def test_a_full_budget_is_unavailable_within_two_seconds(served: Served):
    """Nothing is read, and the client is told to come again."""
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
    """Before its time is over, and in the order of arrival."""
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
    """Each reserves a third of it while it is read."""
    method = served.channel.unary_unary(SIGNALS[Signal.TRACES].method)
    futures = [method.future(bytes(100_000), timeout=30) for _ in range(60)]
    assert {future.result(30) for future in futures} == {b""}
    served.wait_for_budget()


def test_a_client_that_goes_while_it_waits_for_kafka_is_passed_over(served: Served):
    """Its bytes are the pipeline's by then, and completing it does no harm."""
    served.answer = None
    future = served.channel.unary_unary(SIGNALS[Signal.TRACES].method).future(b"x", timeout=15)
    request = served.next()
    future.cancel()
    wait_until(lambda: not served.receiver._waiting, 5, lambda: "the call is still open", 0.01)
    assert served.budget.taken == request.charge
    served.complete([(request, Delivered())])
    assert served.budget.taken == 0
    served.answer = lambda _: Delivered()
    served.call(b"y")


def test_a_client_that_goes_before_its_message_leaves_nothing_reserved(served: Served):
    """The reservation was for bytes that will never come."""
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
    """Nor a place in the line."""
    assert served.budget.take(BUDGET)
    future = served.channel.unary_unary(SIGNALS[Signal.TRACES].method).future(b"x", timeout=15)
    wait_until(lambda: served.admission.waiting == 1, 5, lambda: "the call does not wait", 0.005)
    future.cancel()
    wait_until(lambda: not served.admission.waiting, 5, lambda: "the call still waits", 0.005)
    served.budget.give(BUDGET)
    served.call(b"x")
    served.wait_for_budget()


def test_a_deadline_of_the_clients_ends_the_call(served: Served):
    """And leaves nothing behind once the pipeline has answered."""
    served.answer = None
    with failing(grpc.StatusCode.DEADLINE_EXCEEDED):
        served.call(b"x", timeout=0.2)
    request = served.next()
    served.complete([(request, Delivered())])
    wait_until(lambda: not served.receiver._waiting, 5, lambda: "the call is still open", 0.01)
    served.wait_for_budget()


def test_a_body_that_does_not_come_is_ended(served: Served, monkeypatch: pytest.MonkeyPatch):
    """A client that stalls holds a third of the budget."""
    monkeypatch.setattr(receiver, "BODY_SECONDS", 0.3)
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
    """Three hold the whole budget and nine wait for it; the good one, on a connection of its own, is next."""
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


def test_draining_answers_open_calls_and_takes_no_new_ones(served: Served):
    """Who has been let in is answered by the pipeline; who comes later is told to go elsewhere."""
    served.answer = None
    future = served.channel.unary_unary(SIGNALS[Signal.TRACES].method).future(b"x", timeout=15)
    request = served.next()
    stopping = asyncio.run_coroutine_threadsafe(served.receiver.stop(10), served._loop)
    wait_until(lambda: served.receiver._draining, 5, lambda: "it does not drain", 0.005)
    with client.channel(served.endpoint) as late, failing(grpc.StatusCode.UNAVAILABLE):
        late.unary_unary(SIGNALS[Signal.TRACES].method)(b"y", timeout=5)
    assert not stopping.done()
    served.complete([(request, Delivered())])
    assert future.result(10) == b""
    stopping.result(10)


def test_a_taken_port_is_an_error_that_names_the_option(served: Served, loop: asyncio.AbstractEventLoop):
    """Two exporters on one port would share its connections in silence."""

    async def second() -> None:
        other = GrpcReceiver(Admission(TOTAL, asyncio.get_running_loop()), Telemetry())
        try:
            with pytest.raises(OSError, match=f"--otlp-grpc-endpoint: cannot listen on {served.endpoint}"):
                await other.start(served.endpoint)
        finally:
            await other.stop(0)

    asyncio.run_coroutine_threadsafe(second(), loop).result(10)


def test_take_waits_no_longer_than_it_was_told_and_takes_no_more(served: Served):
    """The pipeline's beat depends on it."""
    served._stop.set()
    served._thread.join()
    began = time.monotonic()
    assert served.receiver.take(10, 0.1) == []
    assert 0.1 <= time.monotonic() - began < 1
    method = served.channel.unary_unary(SIGNALS[Signal.TRACES].method)
    futures = [method.future(b"x", timeout=15) for _ in range(3)]
    wait_until(lambda: served.receiver._arrived.qsize() == 3, 5, lambda: "the calls do not arrive", 0.01)
    first, second = served.receiver.take(2, 1), served.receiver.take(2, 1)
    assert [len(first), len(second)] == [2, 1]
    served.complete([(request, Delivered()) for request in first + second])
    assert {future.result(10) for future in futures} == {b""}


def test_an_answer_to_nobody_is_passed_over(served: Served):
    """An id that was never given out does no harm."""
    served.receiver.complete([(999_999, Delivered())])
    served.call(b"x")


@pytest.mark.parametrize("granted_first", [True, False])
def test_a_client_that_goes_in_the_moment_of_its_turn_leaves_nothing_reserved(served: Served, granted_first: bool):
    """Whether the turn comes before or after the cancellation."""

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
    """Never UNKNOWN, which makes clients drop what they have; and its text is for the log alone."""

    def bug(*_: object) -> Request:
        raise KeyError("a bug")

    monkeypatch.setattr(receiver, "Request", bug)
    with failing(grpc.StatusCode.UNAVAILABLE) as caught:
        served.call(b"x")
    assert "a bug" not in caught.value.details()
    assert retry_delay(caught.value) == 1.0
    served.wait_for_budget()
    assert served.admission.open_calls == 0


def test_more_open_calls_than_there_is_memory_for_are_told_to_come_again(served: Served):
    """With RetryInfo and at once, and those that are open are not disturbed."""
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
