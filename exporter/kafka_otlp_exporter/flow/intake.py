"""Where the requests of all Python receivers come in: the queue, and what a request must pass before it is queued.

All receivers of a process share one Intake, on one event loop. A receiver hands over a way to read a request and gets
the outcome. On the other side the Intake is the Receiver of ``request``: its three calls come from other threads.

Every answer of every receiver is counted here, once. A receiver must not count.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from kafka_otlp_exporter.config.sizing import RECORD_OVERHEAD_BYTES
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.flow.admission import Admission
from kafka_otlp_exporter.flow.request import Answer, Request
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Outcome, Reason, Unavailable
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.logs import log
from kafka_otlp_exporter.telemetry.metrics import Phase

# How long a message may take to arrive.
BODY_SECONDS = 10.0
# The same, while other calls wait for its bytes of the budget.
BLOCKING_BODY_SECONDS = 1.0
SWEEP_SECONDS = 0.25
# How long a draining exporter answers new calls with "send again" before it closes its ports. A port that closes at once
# would end calls that are on their way.
FAREWELL_SECONDS = 0.5

# Reads one request's payload, or says what is wrong with it.
Read = Callable[[], Awaitable[bytes | Outcome]]


class _Queued(NamedTuple):
    """A request that waits for its answer; the future is done or cancelled when its client has gone."""

    signal: Signal
    answer: asyncio.Future[Outcome]


class Intake:
    """One queue of requests for all receivers."""

    def __init__(self, admission: Admission, telemetry: Telemetry, clock: Callable[[], float] = time.monotonic) -> None:
        """Must be made on the event loop that serves the receivers; ``clock`` is monotonic, in seconds."""
        self.admission = admission
        self.draining = False
        self._ended: Outcome | None = None
        self._telemetry = telemetry
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._ids = itertools.count(1)
        self._arrived: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._waiting: dict[int, _Queued] = {}
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._timer = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def drain(self) -> None:
        """Admit no new requests. Requests that were admitted go on."""
        self.draining = True

    def close(self) -> None:
        """Stop the timer that ends slow reads. No receiver may serve after this."""
        self._timer.cancel()

    async def export(self, signal: Signal, encoding: Format, connection: str, read: Read) -> Outcome:
        """Admit one Export call, and return what became of it.

        ``read`` is called when there is room for the largest request. ``connection`` names the client's connection;
        connections take turns. Must be awaited in a task of the call's own, which is cancelled when the client goes.
        """
        try:
            if self.draining or not self.admission.enter():
                return self._refused(signal)
            try:
                return await self._admitted(signal, encoding, connection, read)
            finally:
                self.admission.leave()
        except Exception:
            # Clients drop their data unless they are told to send it again.
            log.exception("call_failed", signal=signal.value)
            message = "the exporter failed over this call; its log says how."
            return self.refuse(signal, Unavailable(Reason.INTERNAL_ERROR, message))

    def refuse(self, signal: Signal, outcome: Outcome) -> Outcome:
        """Count the outcome of a call that is answered without being queued, and return it."""
        self._telemetry.count_answer(signal, outcome, None)
        return outcome

    def take(self, max_requests: int, timeout: float) -> list[Request]:
        """Return the requests that have arrived, as ``request.Receiver`` has it."""
        requests: list[Request] = []
        try:
            requests.append(self._arrived.get(timeout=timeout))
            while len(requests) < max_requests:
                requests.append(self._arrived.get_nowait())
        except queue.Empty:
            pass  # all that has arrived is taken
        return requests

    def complete(self, answers: Sequence[Answer]) -> None:
        """Answer requests by their ids, with one wake-up of the event loop."""
        self._loop.call_soon_threadsafe(self._answer, answers)

    def end(self, outcome: Outcome) -> None:
        """Answer every request that waits, and every one that still arrives, with ``outcome``."""
        self._loop.call_soon_threadsafe(self._end, outcome)

    def _end(self, outcome: Outcome) -> None:
        self._ended = outcome
        self._answer([Answer(identifier, outcome) for identifier in self._waiting])

    def _answer(self, answers: Sequence[Answer]) -> None:
        for one in answers:
            queued = self._waiting.pop(one.id, None)
            if queued is None:
                continue
            if not queued.answer.done():
                queued.answer.set_result(one.outcome)
            elif queued.answer.cancelled():
                self._telemetry.count_abandoned_request(queued.signal, one.outcome)
            self._telemetry.count_answer(queued.signal, one.outcome, one.seconds, one.items)

    async def _admitted(self, signal: Signal, encoding: Format, connection: str, read: Read) -> Outcome:
        reserved = 0
        try:
            if not await self.admission.reserve(self.admission.largest_request, connection):
                return self._refused(signal)
            reserved = self.admission.largest_request
            payload = await self._in_time(read)
            if isinstance(payload, bytes) and self._ended is not None:
                payload = self._ended
            if not isinstance(payload, bytes):
                return self.refuse(signal, payload)
            charge = min(len(payload) + RECORD_OVERHEAD_BYTES, reserved)
            self.admission.budget.give(reserved - charge)
            reserved = charge
            arrival = self._clock()
            request = Request(next(self._ids), signal, payload, arrival, charge, encoding)
            answer: asyncio.Future[Outcome] = self._loop.create_future()
            self._waiting[request.id] = _Queued(signal, answer)
            self._arrived.put(request)
            # From here on the taker of the request gives these bytes back.
            reserved = 0
        except asyncio.CancelledError:
            self._telemetry.count_abandoned(signal, Phase.READING)
            raise
        finally:
            self.admission.budget.give(reserved)
        del payload, request  # the taker alone holds the payload now, and drops it early
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.cancelled():  # otherwise the answer was there first, and is counted as one
                self._telemetry.count_abandoned(signal, Phase.ACKNOWLEDGING, self._clock() - arrival)
            raise

    async def _in_time(self, read: Read) -> bytes | Outcome:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is read outside of a task")
        self._reading[task] = self._clock()
        try:
            return await read()
        except asyncio.CancelledError:
            if task in self._reading:
                raise  # the client has gone
            task.uncancel()
            return Unavailable(Reason.TIMED_OUT, "the request took too long to arrive: send it again.")
        finally:
            self._reading.pop(task, None)

    def _sweep(self) -> None:
        """End slow reads, again and again. One timer serves all: a timer for each call costs a tenth of a small request."""
        self._end_slow_reads()
        self._timer = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def _end_slow_reads(self) -> None:
        patience = BLOCKING_BODY_SECONDS if self.admission.blocked else BODY_SECONDS
        for task, begun in list(self._reading.items()):
            if begun + patience > self._clock():
                break  # the others began later
            del self._reading[task]
            task.cancel()

    def _refused(self, signal: Signal) -> Outcome:
        if self.draining:
            return self.refuse(signal, Unavailable(Reason.DRAINING, "the exporter is shutting down: send it again."))
        message = "as many bytes as --max-in-flight-bytes allows wait for Kafka: send it again."
        return self.refuse(signal, Unavailable(Reason.MEMORY_BUDGET_FULL, message))
