"""Where requests come in: the queue between the receivers and ``pipeline``, and what a request must pass before it.

Every receiver of the process shares one Intake, on the event loop of ``server``: it hands over a way to read a request
and is told the outcome. ``pipeline`` takes requests and completes them from its own threads.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.flow.admission import Admission
from kafka_otlp_exporter.flow.pipeline import Request
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Outcome, Reason, Unavailable
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.logs import log

BODY_SECONDS = 10.0
# How long a message may take while others have to wait for it.
BLOCKING_BODY_SECONDS = 1.0
SWEEP_SECONDS = 0.25
# What a record costs in librdkafka beside its bytes.
OVERHEAD = 1024

# Reads one request's payload, or says what is wrong with it.
Read = Callable[[], Awaitable[bytes | Outcome]]


class Intake:
    """One queue of requests for all receivers; towards ``pipeline`` it is the Receiver."""

    def __init__(self, admission: Admission, telemetry: Telemetry) -> None:
        """Must be made on the event loop that serves the receivers."""
        self.admission = admission
        self.draining = False
        self._ended: Outcome | None = None
        self._telemetry = telemetry
        self._loop = asyncio.get_running_loop()
        self._ids = itertools.count(1)
        self._arrived: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._sweep = self._loop.call_later(SWEEP_SECONDS, self._end_slow_reads)

    def drain(self) -> None:
        """Admit no new requests; those that were admitted go on."""
        self.draining = True

    def close(self) -> None:
        """No receiver serves any more."""
        self._sweep.cancel()

    async def export(self, signal: Signal, encoding: Format, connection: str, read: Read) -> Outcome:
        """What became of one Export call of ``connection``; ``read`` is called when there is room for its bytes.

        Must be awaited in a task of the call's own, which is cancelled when the client goes.
        """
        try:
            if self.draining or not self.admission.enter():
                return self._refused(signal)
            try:
                return await self._admitted(signal, encoding, connection, read)
            finally:
                self.admission.leave()
        except Exception:
            # Whatever it was: clients drop what is not answered as unavailable.
            log.exception("call_failed", signal=signal.value)
            outcome = Unavailable(Reason.INTERNAL_ERROR, "the exporter failed over this call; its log says how.")
            self._telemetry.count_answer(signal, outcome, None)
            return outcome

    def take(self, max_requests: int, timeout: float) -> list[Request]:
        """The requests that have arrived, up to ``max_requests``; waits up to ``timeout`` seconds for the first."""
        requests: list[Request] = []
        try:
            requests.append(self._arrived.get(timeout=timeout))
            while len(requests) < max_requests:
                requests.append(self._arrived.get_nowait())
        except queue.Empty:
            pass  # all that has arrived is taken
        return requests

    def complete(self, answers: Sequence[tuple[int, Outcome]]) -> None:
        """Answer requests by their ids, with one wake-up of the event loop; a client that has gone is passed over."""
        self._loop.call_soon_threadsafe(self._answer, answers)

    def end(self, outcome: Outcome) -> None:
        """Answer everything that waits, and whatever still arrives: nothing is taken any more."""
        self._loop.call_soon_threadsafe(self._end, outcome)

    def _end(self, outcome: Outcome) -> None:
        self._ended = outcome
        self._answer([(identifier, outcome) for identifier in self._waiting])

    def _answer(self, answers: Sequence[tuple[int, Outcome]]) -> None:
        for identifier, outcome in answers:
            future = self._waiting.get(identifier)
            if future is not None and not future.done():
                future.set_result(outcome)

    async def _admitted(self, signal: Signal, encoding: Format, connection: str, read: Read) -> Outcome:
        reserved = self.admission.largest_request
        if not await self.admission.reserve(reserved, connection):
            return self._refused(signal)
        try:
            payload = await self._in_time(read)
            if isinstance(payload, bytes) and self._ended is not None:
                payload = self._ended
            if not isinstance(payload, bytes):
                self._telemetry.count_answer(signal, payload, None)
                return payload
            charge = min(len(payload) + OVERHEAD, reserved)
            self.admission.budget.give(reserved - charge)
            reserved = charge
            request = Request(next(self._ids), signal, payload, time.monotonic(), charge, encoding)
            answer: asyncio.Future[Outcome] = self._loop.create_future()
            self._waiting[request.id] = answer
            self._arrived.put(request)
            # From here on the pipeline gives it back.
            reserved = 0
        finally:
            self.admission.budget.give(reserved)
        identifier = request.id
        del payload, request  # the payload is the pipeline's alone, and it lets go of it early
        try:
            return await answer
        finally:
            del self._waiting[identifier]

    async def _in_time(self, read: Read) -> bytes | Outcome:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is read outside of a task")
        self._reading[task] = self._loop.time()
        try:
            return await read()
        except asyncio.CancelledError:
            if task in self._reading:
                raise  # the client has gone
            task.uncancel()
            return Unavailable(Reason.TIMED_OUT, "the request took too long to arrive: send it again.")
        finally:
            self._reading.pop(task, None)

    def _end_slow_reads(self) -> None:
        """Now and then for all: a timer for each call costs a tenth of a small request."""
        patience = BLOCKING_BODY_SECONDS if self.admission.blocked else BODY_SECONDS
        for task, begun in list(self._reading.items()):
            if begun + patience > self._loop.time():
                break  # the others began later
            del self._reading[task]
            task.cancel()
        self._sweep = self._loop.call_later(SWEEP_SECONDS, self._end_slow_reads)

    def _refused(self, signal: Signal) -> Outcome:
        if self.draining:
            outcome = Unavailable(Reason.DRAINING, "the exporter is shutting down: send it again.")
        else:
            outcome = Unavailable(
                Reason.MEMORY_BUDGET_FULL,
                "as many bytes as --max-in-flight-bytes allows wait for Kafka: send it again.",
            )
        self._telemetry.count_answer(signal, outcome, None)
        return outcome
