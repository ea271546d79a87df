"""What is counted when a client leaves its call before the answer, on both ports."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Reason, Rejection, Unavailable
from kafka_otlp_exporter.telemetry.metrics import Phase
from tests.beds.process import wait_until
from tests.unit.kafka_otlp_exporter import client, http1
from tests.unit.kafka_otlp_exporter.served import LARGEST, Served

# Waits until the request is where the test wants it.
Arrived = Callable[[], Any]
Leave = Callable[[Served, Signal, Arrived], None]

# SO_LINGER with a time of 0 s: close() sends RST instead of FIN.
RESET = struct.pack("ii", 1, 0)


def cancel(served: Served, signal: Signal, arrived: Arrived) -> None:
    """A gRPC client cancels the call."""
    future = served.channel.unary_unary(SIGNALS[signal].method).future(b"x", timeout=15)
    arrived()
    future.cancel()


def let_pass(served: Served, signal: Signal, arrived: Arrived) -> None:
    """A gRPC client's deadline passes."""
    future = served.channel.unary_unary(SIGNALS[signal].method).future(b"x", timeout=1)
    arrived()
    assert future.exception(15).code() is grpc.StatusCode.DEADLINE_EXCEEDED


def close_channel(served: Served, signal: Signal, arrived: Arrived) -> None:
    """A gRPC client closes its connection."""
    with client.channel(served.endpoint, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        future = channel.unary_unary(SIGNALS[signal].method).future(b"x", timeout=15)
        arrived()
    assert future.code() is grpc.StatusCode.CANCELLED


def close_connection(served: Served, signal: Signal, arrived: Arrived) -> None:
    """An HTTP client closes its connection."""
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(f"/v1/{signal.value}", content_length=1) + b"x")
        arrived()


def reset_connection(served: Served, signal: Signal, arrived: Arrived) -> None:
    """An HTTP client, or its kernel, resets its connection."""
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(f"/v1/{signal.value}", content_length=1) + b"x")
        arrived()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def cancel_unsent(served: Served, signal: Signal, arrived: Arrived) -> None:
    """A gRPC client cancels a call whose message it has not sent."""
    end = threading.Event()

    def never() -> Iterator[bytes]:
        end.wait(10)
        yield from ()

    future = served.channel.stream_unary(SIGNALS[signal].method).future(never(), timeout=15)
    arrived()
    future.cancel()
    end.set()


def close_unsent(served: Served, signal: Signal, arrived: Arrived) -> None:
    """An HTTP client closes its connection in the middle of a body."""
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(f"/v1/{signal.value}", content_length=2) + b"x")
        arrived()


def counted(served: Served, name: str) -> dict[tuple[str, ...], float]:
    """The series of a counter that are not 0, by the values of their labels."""
    families = served.telemetry.registry.collect()
    (family,) = (one for one in families if one.name == f"kafka_otlp_exporter_{name}")
    return {tuple(one.labels.values()): one.value for one in family.samples if one.value}


def wait_for_count(served: Served, name: str, wanted: dict[tuple[str, ...], float]) -> None:
    """Wait until a counter has these series."""
    wait_until(lambda: counted(served, name) == wanted, 10, lambda: f"{name} is {counted(served, name)}", 0.01)


OUTCOMES: dict[str, Outcome] = {
    "delivered": Delivered(),
    "partial": Delivered(Rejection(1, "too large.")),
    "invalid": Invalid("no."),
    "unavailable": Unavailable(Reason.TIMED_OUT, "late."),
}


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("leave", [cancel, let_pass, close_channel, close_connection, reset_connection])
def test_a_call_that_is_left_while_kafka_is_waited_for_is_counted_at_once(served: Served, signal: Signal, leave: Leave):
    """Kafka's answer is not waited for: without Kafka it takes as long as requestTimeout."""
    served.answer = None
    requests = []
    leave(served, signal, lambda: requests.append(served.next()))
    wait_for_count(served, "abandoned_calls", {(signal, Phase.ACKNOWLEDGING): 1})
    assert counted(served, "abandoned_requests") == counted(served, "requests") == {}
    served.complete([(requests[0], Delivered())])
    wait_for_count(served, "abandoned_requests", {(signal, "delivered"): 1})


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("leave", [cancel, close_connection])
def test_what_became_of_it_is_counted_when_it_is_known(served: Served, name: str, leave: Leave):
    """It is counted among all requests too."""
    served.answer = None
    requests = []
    leave(served, Signal.LOGS, lambda: requests.append(served.next()))
    wait_for_count(served, "abandoned_calls", {("logs", Phase.ACKNOWLEDGING): 1})
    served.complete([(requests[0], OUTCOMES[name])])
    wait_for_count(served, "abandoned_requests", {("logs", name): 1})
    assert counted(served, "requests") == {("logs", name): 1}


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("leave", [cancel_unsent, close_unsent])
def test_a_call_that_is_left_before_its_request_was_read_is_counted_apart(served: Served, signal: Signal, leave: Leave):
    """There is no request then."""
    leave(served, signal, lambda: served.wait_for_budget(LARGEST))
    wait_for_count(served, "abandoned_calls", {(signal, Phase.READING): 1})
    served.wait_for_budget()
    assert counted(served, "abandoned_requests") == counted(served, "requests") == {}


@pytest.mark.parametrize("leave", [cancel, close_connection])
def test_a_call_that_is_left_while_it_waits_for_its_turn_is_counted(served: Served, leave: Leave):
    """It was not read either."""
    assert served.budget.take(served.budget.total)

    def waits() -> None:
        wait_until(lambda: served.admission.waiting == 1, 5, lambda: "the call does not wait", 0.005)

    leave(served, Signal.LOGS, waits)
    wait_for_count(served, "abandoned_calls", {("logs", Phase.READING): 1})
    served.budget.give(served.budget.total)


def test_a_call_that_is_answered_is_not_counted(served: Served):
    """Its client may go at once after that."""
    served.call(b"x")
    assert http1.post(served.http_port, b"x").status == 200
    assert counted(served, "abandoned_calls") == counted(served, "abandoned_requests") == {}
