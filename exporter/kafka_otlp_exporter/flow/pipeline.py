"""The loop between a receiver and Kafka: take, make records, produce; deliveries, complete.

Started by ``server``. Two threads: one takes requests and produces, the other polls deliveries and completes; they
share the list of requests that Kafka has not answered. Nothing here knows which receiver it serves.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kafka_otlp_exporter import outcomes
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.flow.budget import Budget
from kafka_otlp_exporter.kafka.producer import NotProduced, Producer
from kafka_otlp_exporter.otlp import json_decode, wire
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.outcomes import Delivered, Fault, Invalid, Outcome, Reason, Rejection, Unavailable
from kafka_otlp_exporter.records.making import Batch, Layout, records
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.logs import log

TAKE_AT_MOST = 256
POLL_SECONDS = 0.1
# How long the requests of one take together may wait for the bytes that their records have more than they.
GROWTH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Request:
    """An OTLP Export request as it came.

    ``arrival`` is when its last byte was read, in seconds of the monotonic clock; ``charge`` is in bytes of the budget;
    ``encoding`` is that of the payload.
    """

    id: int
    signal: Signal
    payload: bytes
    arrival: float
    charge: int
    encoding: Format = Format.PROTOBUF


class Receiver(Protocol):
    """What takes requests from clients and answers them."""

    def take(self, max_requests: int, timeout: float) -> list[Request]:
        """The requests that have arrived, up to ``max_requests``; waits up to ``timeout`` seconds for the first."""

    def complete(self, answers: Sequence[tuple[int, Outcome]]) -> None:
        """Answer requests by their ids; an id whose client has gone is passed over."""

    def end(self, outcome: Outcome) -> None:
        """Answer everything that waits, and whatever still arrives: nothing is taken any more."""


@dataclass(slots=True)
class Pending:
    """A request that Kafka has not answered; after its deadline the client is told, and the bytes stay charged."""

    id: int
    signal: Signal
    charge: int
    topic: str
    arrival: float
    deadline: float
    unreported: int
    rejected: Rejection | None
    items: int
    records: int
    record_bytes: int
    failed_bytes: int = 0
    faults: list[Fault] = field(default_factory=list)


# A record that was handed to the producer: its request, and the bytes of its value.
Sent = tuple[Pending, int]


class Pipeline:
    """Moves requests from one receiver to one producer until it is stopped."""

    def __init__(
        self,
        receiver: Receiver,
        producer: Producer[Sent],
        layout: Layout,
        budget: Budget,
        telemetry: Telemetry,
        request_timeout: float,
    ) -> None:
        """``request_timeout`` is in seconds, from a request's arrival to its acknowledgement."""
        self._receiver = receiver
        self._producer = producer
        self._layout = layout
        self._budget = budget
        self._telemetry = telemetry
        self._request_timeout = request_timeout
        self._most_values = json_decode.most_values(budget.total)
        message = f"Kafka has not acknowledged within {request_timeout:g} s (requestTimeout)."
        self._late = Unavailable(Reason.TIMED_OUT, message)
        self._too_grown = Unavailable(
            Reason.MEMORY_BUDGET_FULL,
            "the request's records are larger than the request, and as many bytes as --max-in-flight-bytes allows wait for "
            "Kafka: send it again.",
        )
        self._refused: deque[tuple[Sent, Fault]] = deque()
        self._unanswered: dict[int, Pending] = {}
        self._unanswered_lock = threading.Lock()
        self._stopping = threading.Event()
        self._beats = {"produce": time.monotonic(), "deliver": time.monotonic()}
        self._threads = [
            threading.Thread(target=self._run_producing, name="produce", daemon=True),
            threading.Thread(target=self._run_delivering, name="deliver", daemon=True),
        ]

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def oldest_beat(self) -> float:
        """Seconds since the slower of the two threads last came round; without end when one of them has ended."""
        if not all(thread.is_alive() for thread in self._threads):
            return float("inf")
        return time.monotonic() - min(self._beats.values())

    def flush(self, timeout: float) -> None:
        """Send what lingers, and wait up to ``timeout`` seconds for Kafka to answer it."""
        self._producer.flush(timeout)

    def stop(self) -> None:
        """Stop both threads, and answer what Kafka has not answered and what was not taken yet."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(1)
        self._deliver(0.0)
        message = "the exporter is shutting down and Kafka has not acknowledged yet: send it again."
        outcome = Unavailable(Reason.DRAINING, message)
        with self._unanswered_lock:
            left, self._unanswered = self._unanswered, {}
        self._answer([(pending, outcome) for pending in left.values()])
        self._receiver.end(outcome)

    def _run_producing(self) -> None:
        while not self._stopping.is_set():
            self._beats["produce"] = time.monotonic()
            answers: list[tuple[int, Outcome]] = []
            # Oldest last, so that each can be let go of as it is done: payloads are large.
            requests = self._receiver.take(TAKE_AT_MOST, POLL_SECONDS)[::-1]
            patience = time.monotonic() + GROWTH_SECONDS
            while requests:
                self._beats["produce"] = time.monotonic()
                request = requests.pop()
                outcome = self._produce(request, patience)
                if outcome is not None:
                    self._telemetry.count_answer(request.signal, outcome, None)
                    self._budget.give(request.charge)
                    answers.append((request.id, outcome))
                del request
            if answers:
                self._receiver.complete(answers)

    def _produce(self, request: Request, patience: float) -> Outcome | None:
        """Hand a request's records to the producer; the outcome when there is nothing to wait for.

        For the bytes that they have more than it, it waits until ``patience`` on the monotonic clock.
        """
        self._telemetry.count_request(request.signal, len(request.payload))
        if time.monotonic() > request.arrival + self._request_timeout:
            return self._late
        try:
            batch = records(request.signal, _protobuf(request, self._most_values), self._layout)
        except wire.Malformed as error:
            return Invalid(f"{error}.")
        except Exception:
            log.exception("request_failed", signal=request.signal.value, bytes=len(request.payload))
            return Unavailable(Reason.INTERNAL_ERROR, "the exporter failed over this request; its log says how.")
        if not batch.records:
            return Delivered(batch.rejected)
        growth = max(0, batch.memory - request.charge)
        if growth and not self._budget.extend(growth, patience - time.monotonic(), self._stopping.is_set):
            return self._too_grown
        self._hand_over(request, batch, request.charge + growth)
        return None

    def _hand_over(self, request: Request, batch: Batch, charge: int) -> None:
        pending = Pending(
            id=request.id,
            signal=request.signal,
            charge=charge,
            topic=batch.records[0].topic,
            arrival=request.arrival,
            deadline=request.arrival + self._request_timeout,
            unreported=len(batch.records),
            rejected=batch.rejected,
            items=batch.items,
            records=len(batch.records),
            record_bytes=sum(len(record.value) for record in batch.records),
        )
        if len(batch.records) > 1:
            self._telemetry.count_split(request.signal)
        with self._unanswered_lock:
            self._unanswered[pending.id] = pending
        for record in batch.records:
            sent = (pending, len(record.value))
            try:
                self._producer.produce(record, sent)
            except NotProduced as refusal:
                self._refused.append((sent, refusal.fault))
            except Exception:
                log.exception("produce_failed", signal=request.signal.value, bytes=len(request.payload))
                self._refused.append((sent, Fault("_FAIL")))

    def _run_delivering(self) -> None:
        while not self._stopping.is_set():
            self._beats["deliver"] = time.monotonic()
            try:
                self._deliver(POLL_SECONDS)
            except Exception:
                log.exception("delivery_failed")

    def _deliver(self, timeout: float) -> None:
        reports: list[tuple[Sent, Fault | None]] = list(self._producer.poll(timeout))
        reports.extend(self._refused.popleft() for _ in range(len(self._refused)))
        answers: list[tuple[Pending, Outcome]] = []
        given = 0
        for (pending, size), fault in reports:
            pending.unreported -= 1
            if fault is not None:
                pending.faults.append(fault)
                pending.failed_bytes += size
            if pending.unreported == 0:
                given += pending.charge
                self._count_records(pending)
                with self._unanswered_lock:
                    waiting = self._unanswered.pop(pending.id, None)
                if waiting is not None:
                    answers.append((pending, self._outcome(pending)))
        try:
            answers.extend(self._overdue())
            self._answer(answers)
        finally:
            self._budget.give(given)

    def _count_records(self, pending: Pending) -> None:
        if failed := len(pending.faults):
            self._telemetry.count_records(pending.signal, failed, pending.failed_bytes, delivered=False)
        if taken := pending.records - failed:
            size = pending.record_bytes - pending.failed_bytes
            self._telemetry.count_records(pending.signal, taken, size, delivered=True)

    def _outcome(self, pending: Pending) -> Outcome:
        if not pending.faults:
            return Delivered(pending.rejected)
        return outcomes.of_faults(pending.faults, pending.topic)

    def _overdue(self) -> list[tuple[Pending, Outcome]]:
        """Requests arrive in the order of their deadlines, so only the head of the line can be overdue."""
        overdue: list[tuple[Pending, Outcome]] = []
        with self._unanswered_lock:
            while (head := next(iter(self._unanswered.values()), None)) and head.deadline <= time.monotonic():
                del self._unanswered[head.id]
                overdue.append((head, self._late))
        return overdue

    def _answer(self, answers: Sequence[tuple[Pending, Outcome]]) -> None:
        if not answers:
            return
        now = time.monotonic()
        for pending, outcome in answers:
            self._telemetry.count_answer(pending.signal, outcome, now - pending.arrival, pending.items)
        self._receiver.complete([(pending.id, outcome) for pending, outcome in answers])


def _protobuf(request: Request, most_values: int) -> bytes:
    """The payload as protobuf; one that is JSON, of so many values, is translated. Raises wire.Malformed."""
    if request.encoding is Format.JSON:
        return json_decode.decode(request.payload, SIGNALS[request.signal].request, most_values)
    return request.payload
