"""OTLP over gRPC: bytes in, status code out. The only gRPC services.

Runs on the event loop of ``server``; ``pipeline`` takes requests and completes them from its own threads. Handlers are
registered as stream-unary, which is the same on the wire as unary, so that a call waits for the byte budget before
its message is read (``admission``): until then HTTP/2's flow control keeps the bytes at the client.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from kafka_otlp_exporter.admission import Admission
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Reason, Unavailable
from kafka_otlp_exporter.pipeline import Request
from kafka_otlp_exporter.signals import SIGNALS, Signal, SignalRow
from kafka_otlp_exporter.telemetry import Telemetry, log

BODY_SECONDS = 10.0
# How long a message may take while others have to wait for it.
BLOCKING_BODY_SECONDS = 1.0
SWEEP_SECONDS = 0.25
# What a record costs in librdkafka beside its bytes.
OVERHEAD = 1024
# How long new calls are told that we are going, before the port is closed: a call that is on its way would only see
# its connection end.
FAREWELL_SECONDS = 0.5

_OPTIONS = (
    # With the probe on, gRPC would widen the window of a stream that nobody reads from yet.
    ("grpc.http2.bdp_probe", 0),
    # What one connection may have open, or reset and not cleared away yet: 20,000 streams that are opened and reset at
    # once cost 240 MB without it. HTTP/2 recommends no less (RFC 9113, section 6.5.2); more calls wait at the client.
    ("grpc.max_concurrent_streams", 100),
    # A second exporter on the port is a mistake and must fail, not share its connections in silence.
    ("grpc.so_reuseport", 0),
    # Clients that ping every 10 s are usual; the default would close their connections.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Beyond these gRPC would answer CANCELLED, without RetryInfo; the limit of open calls is ours.
    ("grpc.server.max_pending_requests", 1_000_000),
    ("grpc.server.max_pending_requests_hard_limit", 1_000_000),
)

# grpc.aio.ServicerContext, whose stubs know neither read() without a deserializer nor abort()'s trailer.
Context = Any
Handler = Callable[[object, Context], Awaitable[bytes]]


class GrpcReceiver:
    """Serves the three OTLP services on one port."""

    def __init__(self, admission: Admission, telemetry: Telemetry) -> None:
        """Must be made on the event loop that serves it."""
        self._admission = admission
        self._telemetry = telemetry
        self._loop = asyncio.get_running_loop()
        self._ids = itertools.count(1)
        self._arrived: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._draining = False
        self._sweep = self._loop.call_later(SWEEP_SECONDS, self._end_slow_reads)
        limit = ("grpc.max_receive_message_length", admission.largest_request)
        self._server = grpc.aio.server(options=(*_OPTIONS, limit))
        for signal, row in SIGNALS.items():
            service, method = row.method.strip("/").split("/")
            handler: Any = grpc.stream_unary_rpc_method_handler(self._handler(signal, row))
            self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])

    async def start(self, endpoint: str) -> int:
        """Listen on ``endpoint`` (host:port) and return the port. Raises OSError when that is not possible."""
        try:
            port = self._server.add_insecure_port(endpoint)
        except RuntimeError as error:
            raise OSError(f"--otlp-grpc-endpoint: cannot listen on {endpoint}: is the port taken?") from error
        await self._server.start()
        return port

    async def stop(self, grace: float) -> None:
        """Take no new calls, wait up to ``grace`` seconds for those that are open, then end them."""
        self._draining = True
        await asyncio.sleep(min(FAREWELL_SECONDS, grace / 2))
        await self._server.stop(max(0.0, grace - FAREWELL_SECONDS))
        self._sweep.cancel()

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

    def _answer(self, answers: Sequence[tuple[int, Outcome]]) -> None:
        for identifier, outcome in answers:
            future = self._waiting.get(identifier)
            if future is not None and not future.done():
                future.set_result(outcome)

    def _handler(self, signal: Signal, row: SignalRow) -> Handler:
        async def export(_: object, context: Context) -> bytes:
            try:
                outcome = await self._export(signal, context)
            except Exception:
                # gRPC would say UNKNOWN, and clients drop what is answered so.
                log.exception("call_failed", signal=signal.value)
                outcome = Unavailable(Reason.INTERNAL_ERROR, "the exporter failed over this call; its log says how.")
                self._telemetry.count_answer(signal, outcome, None)
            if isinstance(outcome, Delivered):
                if outcome.rejected is None:
                    return b""
                return row.partial_success(outcome.rejected.items, outcome.rejected.message)
            return await _abort(context, outcome)

        return export

    async def _export(self, signal: Signal, context: Context) -> Outcome:
        if self._draining or not self._admission.enter():
            return self._refused(signal)
        try:
            return await self._admitted(signal, context)
        finally:
            self._admission.leave()

    async def _admitted(self, signal: Signal, context: Context) -> Outcome:
        reserved = self._admission.largest_request
        if not await self._admission.reserve(reserved, context.peer()):
            return self._refused(signal)
        try:
            read = await self._read(context)
            if not isinstance(read, bytes):
                self._telemetry.count_answer(signal, read, None)
                return read
            charge = min(len(read) + OVERHEAD, reserved)
            self._admission.budget.give(reserved - charge)
            reserved = charge
            request = Request(next(self._ids), signal, read, time.monotonic(), charge)
            answer: asyncio.Future[Outcome] = self._loop.create_future()
            self._waiting[request.id] = answer
            self._arrived.put(request)
            # From here on the pipeline gives it back.
            reserved = 0
        finally:
            self._admission.budget.give(reserved)
        identifier = request.id
        del read, request  # the payload is the pipeline's alone, and it lets go of it early
        try:
            return await answer
        finally:
            del self._waiting[identifier]

    async def _read(self, context: Context) -> bytes | Outcome:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a handler runs outside of a task")
        self._reading[task] = self._loop.time()
        try:
            return await _read_one(context)
        except asyncio.CancelledError:
            if task in self._reading:
                raise  # the client has gone
            task.uncancel()
            return Unavailable(Reason.TIMED_OUT, "the request took too long to arrive: send it again.")
        finally:
            self._reading.pop(task, None)

    def _end_slow_reads(self) -> None:
        """Now and then for all: a timer for each call costs a tenth of a small request."""
        patience = BLOCKING_BODY_SECONDS if self._admission.blocked else BODY_SECONDS
        for task, begun in list(self._reading.items()):
            if begun + patience > self._loop.time():
                break  # the others began later
            del self._reading[task]
            task.cancel()
        self._sweep = self._loop.call_later(SWEEP_SECONDS, self._end_slow_reads)

    def _refused(self, signal: Signal) -> Outcome:
        if self._draining:
            outcome = Unavailable(Reason.DRAINING, "the exporter is shutting down: send it again.")
        else:
            outcome = Unavailable(
                Reason.MEMORY_BUDGET_FULL,
                "as many bytes as --max-in-flight-bytes allows wait for Kafka: send it again.",
            )
        self._telemetry.count_answer(signal, outcome, None)
        return outcome


async def _read_one(context: Context) -> bytes | Invalid:
    """The call's one message; a cut message looks like none at all, so both its presence and its end are required."""
    message = await context.read()
    if message is grpc.aio.EOF:
        return Invalid("the call holds no message, or one that was cut off; an Export call holds exactly one.")
    if await context.read() is not grpc.aio.EOF:
        return Invalid("the call holds more than one message; an Export call holds exactly one.")
    return bytes(message)


async def _abort(context: Context, outcome: Invalid | Unavailable) -> NoReturn:
    if isinstance(outcome, Invalid):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, outcome.message)
        raise AssertionError("abort() raises")  # noqa: TRY004
    details = any_pb2.Any()
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(round(outcome.retry_after * 1000))
    details.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=outcome.message, details=[details])
    trailer = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(grpc.StatusCode.UNAVAILABLE, outcome.message, trailer)
    raise AssertionError("abort() raises")
