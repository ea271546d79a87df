"""A small OTLP server that does everything right, but for the faults that it is given. Called by ``test_checks``.

``toy_grpc`` and ``toy_http`` speak the two protocols; what both decide alike stands here. A fault is named by a sentence;
``faults`` lists them with the lines that each must break.
"""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Self

from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from conformance.signals import SIGNALS, TRACES, Signal
from conformance.target import Need, Target
from conformance.telemetry import MIB, UNKNOWN_FIELD

LARGEST_ITEM = MIB
ENUMS = {"kind": 5, "code": 2, "severity_number": 24, "aggregation_temporality": 2}


class Refused(Exception):
    """The request cannot be taken: ``code`` is gRPC's name, ``status`` HTTP's number."""

    def __init__(self, code: str, status: int, message: str = "the toy refuses it", *details: Any) -> None:
        """``details`` are messages for google.rpc.Status."""
        super().__init__(message)
        self.code, self.status, self.details = code, status, details

    def packed(self) -> status_pb2.Status:
        """As google.rpc.Status."""
        packed = [any_pb2.Any() for _ in self.details]
        for into, detail in zip(packed, self.details, strict=True):
            into.Pack(detail)
        return status_pb2.Status(code=3, message=str(self), details=packed)


@dataclass(frozen=True)
class Behaviour:
    """The faults, and where what was taken is handed on to."""

    faults: frozenset[str]
    sink: Callable[[Signal, bytes], None]

    def has(self, fault: str) -> bool:
        """Whether it is one of the faults."""
        return fault in self.faults

    @property
    def limit(self) -> int:
        """The largest request, in bytes."""
        return next((size * MIB for size in (1, 4, 20) if self.has(f"limit of {size} MiB")), 64 * MIB)

    def bad(self, message: str = "the payload cannot be read") -> Refused:
        """What is answered to bad data."""
        details = [] if self.has("no BadRequest") else [error_details_pb2.BadRequest()]
        return Refused("INVALID_ARGUMENT", 400, "" if self.has("no message") else message, *details)

    def too_large(self) -> Refused:
        """What is answered to a request over the limit."""
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromSeconds(1)
        code = "INTERNAL" if self.has("too large is INTERNAL") else "RESOURCE_EXHAUSTED"
        status = 400 if self.has("too large is 400") else 413
        return Refused(code, status, "too large", *([retry] if self.has("RetryInfo when too large") else []))

    def inflate(self, packed: bytes, limit: int | None) -> bytes:
        """Unpack gzip up to the limit. Raises Refused."""
        unpacker = zlib.decompressobj(wbits=31)
        try:
            data = unpacker.decompress(packed, 0 if limit is None else limit + 1)
        except zlib.error:
            raise self.bad("no gzip") from None
        if limit is not None and len(data) > limit:
            raise self.too_large()
        if not unpacker.eof:
            raise self.bad("gzip that is cut off")
        return data

    def parse(self, signal: Signal, payload: bytes) -> Any:
        """Protobuf to a message. Raises Refused."""
        candidates = [payload]
        if self.has("cut off taken"):
            candidates.append(payload + b"x")
        if self.has("UTF-8 unchecked"):
            candidates.append(payload.replace(b"\xff\xfe", b"ab"))
        for candidate in candidates:
            request = signal.request()
            try:
                request.ParseFromString(candidate)
            except DecodeError:
                continue
            return request
        if self.has("garbage taken"):
            return signal.request()
        raise self.bad()

    def take(self, signal: Signal, request: Any) -> tuple[int, str]:
        """Hand the request on; how many items were rejected, and why. Raises Refused."""
        self._check(signal, request)
        rejected, sentence = self._without_large_items(signal, request)
        self._change(signal, request, rejected)
        if self.has("backend down"):
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromSeconds(0 if self.has("RetryInfo of 0 s") else 1)
            code = next((name for name in ("INTERNAL", "ABORTED") if self.has(f"down is {name}")), "UNAVAILABLE")
            status = 500 if self.has("down is 500") else 503
            raise Refused(code, status, "down", *([] if self.has("no RetryInfo") else [retry]))
        self.sink(signal, request.SerializeToString())
        if rejected and self.has("counts all rejected"):
            rejected = 2
        return rejected, sentence

    def answer(self, signal: Signal, rejected: int, sentence: str) -> Any:
        """The signal's Export…ServiceResponse."""
        response = signal.response()
        if rejected:
            setattr(response.partial_success, signal.rejected, rejected)
            response.partial_success.error_message = "" if self.has("no error_message") else sentence
        elif self.has("partial_success always set"):
            response.partial_success.SetInParent()
        elif self.has("partial_success always warns"):
            response.partial_success.error_message = "all is well"
        return response

    def _check(self, signal: Signal, request: Any) -> None:
        if self.has("unknown fields refused") and UNKNOWN_FIELD in request.SerializeToString():
            raise self.bad("an unknown field")
        if self.has("empty refused") and not request.ByteSize():
            raise self.bad("empty")
        for message in every_message(request):
            fields = {field.name: value for field, value in message.ListFields()}
            if self.has("bytes refused") and isinstance(message, AnyValue) and "bytes_value" in fields:
                raise self.bad("a value of bytes")
            if self.has("unknown enums refused") and any(
                isinstance(fields.get(name), int) and fields[name] > most for name, most in ENUMS.items()
            ):
                raise self.bad("an unknown enum")
            if self.has("summaries refused") and "summary" in fields:
                raise self.bad("a summary")
            if self.has("empty envelopes refused") and _is_empty_envelope(message):
                raise self.bad("an empty envelope")

    def _without_large_items(self, signal: Signal, request: Any) -> tuple[int, str]:
        if signal.name != "logs":
            return 0, ""
        rejected = 0
        for envelope in request.resource_logs:
            for scope in envelope.scope_logs:
                kept = [record for record in scope.log_records if record.ByteSize() <= LARGEST_ITEM]
                rejected += len(scope.log_records) - len(kept)
                if len(kept) < len(scope.log_records):
                    del scope.log_records[:]
                    scope.log_records.extend(kept)
        return rejected, "too large" * (MIB if self.has("long answers") else 1)

    def _change(self, signal: Signal, request: Any, rejected: int) -> None:
        """What a bad backend does to telemetry on its way."""
        if self.has("unknown fields dropped"):
            request.DiscardUnknownFields()
        if self.has("one attribute more"):
            for envelope in getattr(request, request.DESCRIPTOR.fields[0].name):
                envelope.resource.attributes.add(key="more")
        if self.has("empty values dropped") and signal is TRACES:
            for message in every_message(request):
                if message.DESCRIPTOR.name == "KeyValue" and not message.value.ByteSize():
                    message.Clear()
        if rejected and self.has("the rest dropped"):
            for envelope in request.resource_logs:
                del envelope.scope_logs[:]


def every_message(message: Any) -> list[Any]:
    """It and all messages within."""
    found, todo = [], [message]
    while todo:
        found.append(todo.pop())
        for field, value in found[-1].ListFields():
            if field.message_type is not None:
                todo.extend(value if field.is_repeated else [value])
    return found


def _is_empty_envelope(message: Any) -> bool:
    name = message.DESCRIPTOR.name
    return name.startswith(("Resource", "Scope")) and name[-1] == "s" and not message.ByteSize()


class Toy:
    """The server on two ports of its own, on an event loop in a thread; a context manager. ``target`` is what to test."""

    def __init__(
        self, *faults: str, sink: Callable[[Signal, bytes], None] | None = None, kafka: str | None = None
    ) -> None:
        """Start it with these faults."""
        self._behaviour = Behaviour(frozenset(faults), sink or (lambda *_: None))
        self._kafka = kafka
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event = asyncio.Event()
        self._ports: Future[tuple[int, int]] = Future()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Listening."""
        self._thread.start()
        grpc, http = (f"127.0.0.1:{port}" for port in self._ports.result(30))
        addresses = {Need.GRPC: grpc, Need.HTTP: http, Need.BROKEN: grpc, Need.BROKEN_HTTP: http}
        if self._kafka is not None:
            addresses[Need.KAFKA] = self._kafka
        self.target = Target(addresses, slow=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Ended."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:
            if not self._ports.done():
                self._ports.set_exception(error)
            raise

    async def _serve(self) -> None:
        from tests.unit.conformance import toy_grpc, toy_http  # noqa: PLC0415  # they know this module

        grpc, http = await toy_grpc.start(self._behaviour), await toy_http.start(self._behaviour)
        self._ports.set_result((grpc.port, http.port))
        await self._stop.wait()
        await http.stop()
        await grpc.stop()


def signal_of(name: str) -> Signal:
    """By its name."""
    return next(signal for signal in SIGNALS if signal.name == name)
