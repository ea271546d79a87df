"""OTLP over gRPC on a real port: what a client is told, with a pipeline that a test controls."""

import asyncio
import time

import grpc
import pytest
from google.rpc import error_details_pb2

from kafka_otlp_exporter.config.address import Address, CannotListen
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Reason, Rejection, Unavailable
from kafka_otlp_exporter.receivers.grpc import GrpcReceiver
from tests.beds.process import wait_until
from tests.unit.kafka_otlp_exporter import client, samples
from tests.unit.kafka_otlp_exporter.served import Served, failing, retry_delay


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
    """RetryInfo in grpc-status-details-bin, beside the sentence, and in the one trailer that Python's exporter reads."""
    served.answer = lambda _: Unavailable(Reason.QUEUE_FULL, "the queue is full.", seconds)
    with failing(grpc.StatusCode.UNAVAILABLE) as caught:
        served.call(b"x")
    assert caught.value.details() == "the queue is full."
    assert retry_delay(caught.value) == seconds
    trailer = dict(caught.value.trailing_metadata())["google.rpc.retryinfo-bin"]
    assert error_details_pb2.RetryInfo.FromString(trailer).retry_delay.ToTimedelta().total_seconds() == seconds


def test_what_is_not_to_be_sent_again_has_no_delay(served: Served):
    """Not in the trailer of Python's exporter either."""
    served.answer = lambda _: Invalid("the payload is garbage.")
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        served.call(b"x")
    assert "google.rpc.retryinfo-bin" not in dict(caught.value.trailing_metadata())


def test_a_sentence_may_hold_any_letter(served: Served):
    """gRPC escapes it."""
    served.answer = lambda _: Unavailable(Reason.QUEUE_FULL, "tópic % \n done.")
    with failing(grpc.StatusCode.UNAVAILABLE) as caught:
        served.call(b"x")
    assert caught.value.details() == "tópic % \n done."


def test_draining_answers_open_calls_and_takes_no_new_ones(served: Served):
    """The pipeline answers the calls that were admitted. Later calls are told to send again."""
    served.answer = None
    future = served.channel.unary_unary(SIGNALS[Signal.TRACES].method).future(b"x", timeout=15)
    request = served.next()
    stopping = asyncio.run_coroutine_threadsafe(served.drain(10), served._loop)
    wait_until(lambda: served.intake.draining, 5, lambda: "it does not drain", 0.005)
    with client.channel(served.endpoint) as late, failing(grpc.StatusCode.UNAVAILABLE):
        late.unary_unary(SIGNALS[Signal.TRACES].method)(b"y", timeout=5)
    assert not stopping.done()
    served.complete([(request, Delivered())])
    assert future.result(10) == b""
    stopping.result(10)


def test_a_taken_port_is_an_error_that_names_the_option(served: Served, loop: asyncio.AbstractEventLoop):
    """Otherwise two exporters would share the connections of one port in silence."""

    async def second() -> None:
        other = GrpcReceiver(served.intake, served.edge)
        taken = Address("--otlp-grpc-endpoint", "127.0.0.1", int(served.endpoint.rpartition(":")[2]))
        try:
            with pytest.raises(CannotListen, match=f"--otlp-grpc-endpoint: cannot listen on {taken}: "):
                await other.start(taken)
        finally:
            await other.stop(0)

    asyncio.run_coroutine_threadsafe(second(), loop).result(10)
