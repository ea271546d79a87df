"""The loop between a receiver and Kafka: take, make records, produce; then deliveries, complete.

Two threads do it. One takes requests and produces, the other polls deliveries and completes. They share the requests
that Kafka has not answered yet. This module must not know which receiver it works with (see ``request``).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kafka_otlp_exporter.flow.budget import Budget
from kafka_otlp_exporter.flow.request import Answer, Receiver, Request
from kafka_otlp_exporter.kafka import faults
from kafka_otlp_exporter.kafka.faults import Fault
from kafka_otlp_exporter.kafka.producer import NotProduced, Producer
from kafka_otlp_exporter.otlp.wire import Malformed
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Reason, Rejection, Unavailable
from kafka_otlp_exporter.records.making import Batch, Layout, records
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.logs import log

TAKE_AT_MOST = 256
POLL_SECONDS = 0.1
# Records may need more bytes than their requests. The requests of one take together wait so long for those bytes.
GROWTH_SECONDS = 2.0


@dataclass(slots=True)
class Pending:
    """A request whose records are with librdkafka, until the last of them is reported.

    ``request`` has lost its payload, and its charge includes what its records need beyond it. At ``deadline`` (monotonic
    clock) the client is answered; the bytes stay charged until the last report. ``record_bytes`` and ``failed_bytes``
    count the values of all its records, and of those that failed.
    """

    request: Request
    deadline: float
    topic: str
    rejected: Rejection | None
    items: int
    records: int
    record_bytes: int
    unreported: int
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
        """``request_timeout`` is in seconds, from a request's arrival to its acknowledgement.

        ``budget`` is the one that the receiver charges its requests to.
        """
        self._receiver = receiver
        self._producer = producer
        self._layout = layout
        self._budget = budget
        self._telemetry = telemetry
        self._request_timeout = request_timeout
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
        """Seconds since the slower of the two threads last began a round; infinite when one of them has ended."""
        if not all(thread.is_alive() for thread in self._threads):
            return float("inf")
        return time.monotonic() - min(self._beats.values())

    def flush(self, timeout: float) -> None:
        """Send what lingers, and wait up to ``timeout`` seconds for Kafka to answer it."""
        self._producer.flush(timeout)

    def stop(self) -> None:
        """Stop both threads. Answer the requests that Kafka has not answered, and those that were not taken yet."""
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
            answers: list[Answer] = []
            # Oldest last, so that each payload is freed as soon as it is done: payloads are large.
            requests = self._receiver.take(TAKE_AT_MOST, POLL_SECONDS)[::-1]
            patience = time.monotonic() + GROWTH_SECONDS
            while requests:
                self._beats["produce"] = time.monotonic()
                request = requests.pop()
                outcome = self._produce(request, patience)
                if outcome is not None:
                    self._budget.give(request.charge)
                    answers.append(Answer(request.id, outcome))
                del request
            if answers:
                self._receiver.complete(answers)

    def _produce(self, request: Request, patience: float) -> Outcome | None:
        """Hand a request's records to the producer. Return the outcome when there is nothing to wait for, else None.

        If the records need more bytes than the request, it waits for them until ``patience`` (monotonic clock).
        """
        self._telemetry.count_request(request.signal, len(request.payload))
        if time.monotonic() > request.arrival + self._request_timeout:
            return self._late
        try:
            batch = records(request.signal, request.payload, self._layout, request.encoding)
        except Malformed as error:
            return Invalid(f"{error}.")
        except Exception:
            log.exception("request_failed", signal=request.signal.value, bytes=len(request.payload))
            return Unavailable(Reason.INTERNAL_ERROR, "the exporter failed over this request; its log says how.")
        if batch.repaired:
            self._telemetry.count_repairs(request.signal, batch.repaired, batch.repaired_at)
        if not batch.records:
            return Delivered(batch.rejected)
        growth = max(0, batch.memory - request.charge)
        if growth and not self._budget.extend(growth, patience - time.monotonic(), self._stopping.is_set):
            return self._too_grown
        self._hand_over(request, batch, request.charge + growth)
        return None

    def _hand_over(self, request: Request, batch: Batch, charge: int) -> None:
        pending = Pending(
            request=replace(request, payload=b"", charge=charge),
            deadline=request.arrival + self._request_timeout,
            topic=batch.records[0].topic,
            rejected=batch.rejected,
            items=batch.items,
            records=len(batch.records),
            record_bytes=sum(len(record.value) for record in batch.records),
            unreported=len(batch.records),
        )
        if len(batch.records) > 1:
            self._telemetry.count_split(request.signal)
        with self._unanswered_lock:
            self._unanswered[request.id] = pending
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
                given += pending.request.charge
                self._count_records(pending)
                with self._unanswered_lock:
                    waiting = self._unanswered.pop(pending.request.id, None)
                if waiting is not None:
                    answers.append((pending, self._outcome(pending)))
        try:
            answers.extend(self._overdue())
            self._answer(answers)
        finally:
            self._budget.give(given)

    def _count_records(self, pending: Pending) -> None:
        signal = pending.request.signal
        if failed := len(pending.faults):
            self._telemetry.count_records(signal, failed, pending.failed_bytes, delivered=False)
        if taken := pending.records - failed:
            size = pending.record_bytes - pending.failed_bytes
            self._telemetry.count_records(signal, taken, size, delivered=True)

    def _outcome(self, pending: Pending) -> Outcome:
        if not pending.faults:
            return Delivered(pending.rejected)
        outcome = faults.of_records(pending.faults, pending.topic)
        # A record leaves librdkafka when its request is over. It is chance which of the two is noticed first.
        late = outcome.reason is Reason.TIMED_OUT and time.monotonic() >= pending.deadline
        return self._not_in_time() if late else outcome

    def _not_in_time(self) -> Unavailable:
        """The answer to a request that Kafka has not acknowledged in time: why Kafka is not reached, where that is known."""
        connection = self._producer.connection
        if connection.connected or connection.fault is None:
            return self._late
        return faults.of_outage(connection.fault)

    def _overdue(self) -> list[tuple[Pending, Outcome]]:
        """The requests whose deadline has passed. They are in the order of their arrival, so the overdue ones come first."""
        overdue: list[tuple[Pending, Outcome]] = []
        with self._unanswered_lock:
            while (head := next(iter(self._unanswered.values()), None)) and head.deadline <= time.monotonic():
                del self._unanswered[head.request.id]
                overdue.append((head, self._not_in_time()))
        return overdue

    def _answer(self, answers: Sequence[tuple[Pending, Outcome]]) -> None:
        if not answers:
            return
        now = time.monotonic()
        self._receiver.complete(
            [
                Answer(pending.request.id, outcome, pending.items, now - pending.request.arrival)
                for pending, outcome in answers
            ]
        )
