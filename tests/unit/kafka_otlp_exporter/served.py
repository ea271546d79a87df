"""The receivers on real ports, with a pipeline that a test controls."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from kafka_otlp_exporter.config.address import Address
from kafka_otlp_exporter.config.settings import MEBIBYTE
from kafka_otlp_exporter.flow.admission import Admission
from kafka_otlp_exporter.flow.intake import Intake
from kafka_otlp_exporter.flow.request import Answer, Request
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.outcomes import Delivered, Outcome
from kafka_otlp_exporter.receivers.grpc import GrpcReceiver
from kafka_otlp_exporter.receivers.guards import Edge
from kafka_otlp_exporter.receivers.http import HttpReceiver
from kafka_otlp_exporter.telemetry.counters import Telemetry
from tests.beds.process import wait_until
from tests.unit.kafka_otlp_exporter import client

TOTAL = 4 * MEBIBYTE
# What is left of it for messages, and the largest of them.
BUDGET = 3 * MEBIBYTE
LARGEST = MEBIBYTE

Respond = Callable[[Request], Outcome]


class Served:
    """Both receivers on ports of their own, one intake, and what takes its requests."""

    def __init__(self, loop: asyncio.AbstractEventLoop, total: int, edge: Edge) -> None:
        self.edge = edge
        self._loop = loop
        self.admission = Admission(total, loop)
        self.budget = self.admission.budget
        self.telemetry = Telemetry()
        self.intake, self.receiver, self.http = self.on_loop(self._make())
        self.endpoint = (
            f"127.0.0.1:{self.on_loop(self.receiver.start(Address('--otlp-grpc-endpoint', '127.0.0.1', 0)))}"
        )
        self.http_port: int = self.on_loop(self.http.start(Address("--otlp-http-endpoint", "127.0.0.1", 0)))
        self.channel = client.channel(self.endpoint)
        self.seen: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self.answer: Respond | None = lambda _: Delivered()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    async def _make(self) -> tuple[Intake, GrpcReceiver, HttpReceiver]:
        intake = Intake(self.admission, self.telemetry)
        return (
            intake,
            GrpcReceiver(intake, self.edge),
            HttpReceiver(intake, self.edge),
        )

    async def drain(self, grace: float) -> None:
        """End as the process does."""
        self.intake.drain()
        await asyncio.gather(self.receiver.stop(grace), self.http.stop(grace))
        self.intake.close()

    def on_loop(self, coroutine: Any) -> Any:
        """Run a coroutine on the receivers' loop, and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            requests = self.intake.take(100, 0.02)
            for request in requests:
                self.seen.put(request)
            if self.answer is not None and requests:
                self.complete([(request, self.answer(request)) for request in requests])

    def complete(self, answers: Sequence[tuple[Request, Outcome]]) -> None:
        """Give the bytes back and answer, as the pipeline does."""
        for request, _ in answers:
            self.budget.give(request.charge)
        self.intake.complete([Answer(request.id, outcome) for request, outcome in answers])

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
        self.on_loop(self.drain(0))
        self._stop.set()
        self._thread.join()


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
            if status.details[0].Unpack(information):
                return float(information.retry_delay.ToMilliseconds() / 1000)
    return None
