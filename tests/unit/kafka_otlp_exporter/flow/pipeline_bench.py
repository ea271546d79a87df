"""A pipeline with a real producer, and a receiver whose requests and answers a test controls."""

import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.properties import Credentials, producer_properties
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.flow.budget import Budget
from kafka_otlp_exporter.flow.pipeline import Pipeline, Sent
from kafka_otlp_exporter.flow.request import Answer, Request
from kafka_otlp_exporter.kafka.producer import Producer
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Outcome
from kafka_otlp_exporter.records.making import Layout
from kafka_otlp_exporter.telemetry.counters import Telemetry
from tests.beds.process import wait_until

# As receivers charge it: at least what a small request and its record need.
CHARGE = 2000


class Hand:
    """A receiver whose requests a test puts in, and whose answers it takes out."""

    def __init__(self) -> None:
        self._arrived: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._answers: dict[int, queue.SimpleQueue[Answer]] = {}
        self._ids = count(1)
        self.answered: list[int] = []

    def put(
        self, budget: Budget, signal: Signal, payload: bytes, age: float = 0, encoding: Format = Format.PROTOBUF
    ) -> int:
        """Have a request arrive, ``age`` seconds ago; returns its id."""
        assert budget.take(CHARGE)
        identifier = next(self._ids)
        self._answers[identifier] = queue.SimpleQueue()
        self._arrived.put(Request(identifier, signal, payload, time.monotonic() - age, CHARGE, encoding))
        return identifier

    def answer(self, identifier: int, seconds: float = 10) -> Outcome:
        """What the request was answered."""
        return self.whole_answer(identifier, seconds).outcome

    def whole_answer(self, identifier: int, seconds: float = 10) -> Answer:
        """The same, with its figures for the metrics."""
        return self._answers[identifier].get(timeout=seconds)

    def take(self, max_requests: int, timeout: float) -> list[Request]:
        """Return the requests that were put in, as a receiver does."""
        taken: list[Request] = []
        try:
            taken.append(self._arrived.get(timeout=timeout))
            while len(taken) < max_requests:
                taken.append(self._arrived.get_nowait())
        except queue.Empty:
            pass
        return taken

    def end(self, outcome: Outcome) -> None:
        """Answer every request that has no answer yet."""
        self.complete([Answer(identifier, outcome) for identifier in self._answers if identifier not in self.answered])

    def complete(self, answers: Sequence[Answer]) -> None:
        """Keep the answers for the test."""
        for one in answers:
            self.answered.append(one.id)
            self._answers[one.id].put(one)


@dataclass
class Bench:
    """A running pipeline and all that it works with."""

    options: Options
    request_timeout: float = 10
    hand: Hand = field(default_factory=Hand)
    budget: Budget = field(default_factory=lambda: Budget(10_000_000))
    telemetry: Telemetry = field(default_factory=Telemetry)

    def __post_init__(self) -> None:
        properties = producer_properties(self.options, Credentials())
        self.producer: Producer[Sent] = Producer(properties)
        layout = Layout.of(self.options, int(properties["message.max.bytes"]))
        self.pipeline = Pipeline(self.hand, self.producer, layout, self.budget, self.telemetry, self.request_timeout)
        self.pipeline.start()

    def send(self, signal: Signal, payload: bytes, age: float = 0) -> Outcome:
        """What a request is answered."""
        return self.hand.answer(self.hand.put(self.budget, signal, payload, age))

    def wait_for_the_cause(self, seconds: float = 10) -> None:
        """Wait until it is known why Kafka is not reached."""
        wait_until(lambda: self.producer.connection.fault is not None, seconds, lambda: "no cause is known", 0.01)

    def wait_for_free_budget(self, seconds: float = 10) -> None:
        """Wait until all bytes were given back."""
        wait_until(lambda: self.budget.taken == 0, seconds, lambda: f"{self.budget.taken} bytes are still taken", 0.01)

    def wait_for_records(self, count: int, seconds: float = 10) -> None:
        """Wait until librdkafka holds so many records; it counts events of its own until they were served."""
        client = self.producer._attempt.client
        wait_until(lambda: len(client) == count, seconds, lambda: f"{len(client)} records and events are held", 0.01)

    def count(self, name: str, **labels: str) -> float | None:
        """A sample of the pipeline's metrics."""
        return self.telemetry.registry.get_sample_value(f"kafka_otlp_exporter_{name}", labels)
