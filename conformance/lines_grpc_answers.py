"""G3 to G8: what OTLP/gRPC answers to valid, odd and invalid telemetry."""

from __future__ import annotations

from typing import Any

from conformance import telemetry
from conformance.frames import Ended, Frames, framed
from conformance.grpc_client import RETRYABLE, call, shortened
from conformance.lines_grpc import accepted, refused
from conformance.signals import LOGS, SIGNALS, TRACES
from conformance.table import Level, NotProvoked, expect, line
from conformance.target import Need, Target

FULL = "Full Success"
PARTIAL = "Partial Success"
# The specification says MUST, but the definition of the message says that an empty one means the same.
UNSET = "Full Success; trace_service.proto, partial_success"
FAILURES = "Failures"
ENVELOPES = "Empty Telemetry Envelopes"
VERSIONS = "Future Versions and Interoperability"
CARDINALITY = "gRPC: status codes (request cardinality violation)"
RESPONSE_LIMIT = 4 * telemetry.MIB
# Below the 4 MiB that every server accepts, and above what most backends accept in one piece.
LARGE_ITEM = 3 * telemetry.MIB


@line("G3.1", Level.MUST, "The answer to success is the signal's Export…ServiceResponse.", FULL, Need.GRPC)
def _(target: Target) -> None:
    for signal in SIGNALS:
        got = call(target.grpc, signal.method, telemetry.valid(signal))
        accepted(got, signal.name)
        signal.answer(got.message)


@line("G3.2", Level.MUST, "partial_success says nothing when everything was taken.", FULL, Need.GRPC)
def _(target: Target) -> None:
    for signal in SIGNALS:
        partial = signal.answer(call(target.grpc, signal.method, telemetry.valid(signal)).message).partial_success
        expect(not partial.ByteSize(), f"{signal.name}: partial_success {{{shortened(str(partial))}}}")


@line("G3.3", Level.SHOULD, "A request without telemetry is answered OK.", FULL, Need.GRPC)
def _(target: Target) -> None:
    for signal in SIGNALS:
        accepted(call(target.grpc, signal.method, b""), signal.name)


@line("G3.4", Level.SHOULD, "Envelopes that hold nothing are taken or dropped, not refused.", ENVELOPES, Need.GRPC)
def _(target: Target) -> None:
    for signal in SIGNALS:
        for payload in telemetry.empty_envelopes(signal):
            accepted(call(target.grpc, signal.method, payload), signal.name)


@line("G3.6", Level.SHOULD, "partial_success is not there at all then, not even empty.", UNSET, Need.GRPC)
def _(target: Target) -> None:
    for signal in SIGNALS:
        got = signal.answer(call(target.grpc, signal.method, telemetry.valid(signal)).message)
        expect(not got.HasField("partial_success"), f"{signal.name}: an empty one")


@line(
    "G4.1",
    Level.MUST,
    "When one item of two is too large, partial_success counts 1 rejected item.",
    PARTIAL,
    Need.GRPC,
)
def _(target: Target) -> None:
    partial = _partial(target)
    expect(partial.rejected_log_records == 1, f"rejected_log_records: {partial.rejected_log_records}")


@line("G4.2", Level.SHOULD, "Its error_message says why.", PARTIAL, Need.GRPC)
def _(target: Target) -> None:
    expect(_partial(target).error_message, "an empty error_message")


@line("G6.1", Level.MUST, "A body that is not protobuf is not answered OK.", FAILURES, Need.GRPC)
def _(target: Target) -> None:
    for signal in SIGNALS:
        refused(call(target.grpc, signal.method, telemetry.NO_PROTOBUF))


@line(
    "G6.2",
    Level.MUST,
    "A body that is not protobuf gets a code after which clients do not send it again.",
    FAILURES,
    Need.GRPC,
)
def _(target: Target) -> str:
    code = refused(call(target.grpc, TRACES.method, telemetry.NO_PROTOBUF))
    expect(code not in RETRYABLE, code)
    return code


@line("G6.3", Level.SHOULD, "A body that is not protobuf is answered INVALID_ARGUMENT.", FAILURES, Need.GRPC)
def _(target: Target) -> None:
    for signal in SIGNALS:
        got = call(target.grpc, signal.method, telemetry.NO_PROTOBUF)
        expect(got.code == "INVALID_ARGUMENT", f"{signal.name}: {got}")


@line("G6.4", Level.MUST, "A message that is cut off is not answered OK.", FAILURES, Need.GRPC)
def _(target: Target) -> str:
    return refused(call(target.grpc, TRACES.method, telemetry.cut_off()))


@line("G6.6", Level.SHOULD, "Arrays nested 10,000 deep are answered, and the server still serves.", FAILURES, Need.GRPC)
def _(target: Target) -> str:
    got = call(target.grpc, TRACES.method, telemetry.nested(10_000))
    expect(got.code not in {"DEADLINE_EXCEEDED", "UNAVAILABLE", "UNKNOWN"}, str(got))
    accepted(call(target.grpc, TRACES.method, telemetry.valid(TRACES)), "the request after it")
    return got.code


@line("G6.7", Level.SHOULD, "A call with two messages is not answered OK.", CARDINALITY, Need.GRPC)
def _(target: Target) -> str:
    return refused(_messages(target, 2))


@line("G6.8", Level.SHOULD, "A call with no message is not answered OK.", CARDINALITY, Need.GRPC)
def _(target: Target) -> str:
    return refused(_messages(target, 0))


@line(
    "G7.1",
    Level.MUST,
    "Answers stay below 4 MiB, whatever was wrong with the request.",
    "OTLP/gRPC Response",
    Need.GRPC,
)
def _(target: Target) -> None:
    for payload in (telemetry.one_large_log(LARGE_ITEM), telemetry.NO_PROTOBUF * 700_000):
        got = call(target.grpc, LOGS.method, payload)
        size = len(got.message) + len(got.details) + len(got.status)
        expect(size < RESPONSE_LIMIT, f"{size} bytes")


@line("G8.1", Level.MUST, "Fields that nobody knows yet do no harm, at any depth.", VERSIONS, Need.GRPC)
def _(target: Target) -> None:
    accepted(call(target.grpc, TRACES.method, telemetry.with_unknown_fields()))


@line(
    "G8.2", Level.MUST, "Attributes may have every kind of value: bytes, mixed arrays, maps, none.", VERSIONS, Need.GRPC
)
def _(target: Target) -> None:
    accepted(call(target.grpc, TRACES.method, telemetry.every_value()))


@line("G8.3", Level.MUST, "Enums may have numbers that have no name yet.", VERSIONS, Need.GRPC)
def _(target: Target) -> None:
    requests = telemetry.unknown_enums()
    for signal in SIGNALS:
        accepted(call(target.grpc, signal.method, requests[signal.name]), signal.name)


def _partial(target: Target) -> Any:
    got = call(target.grpc, LOGS.method, telemetry.one_large_log(LARGE_ITEM))
    if not got.ok:
        raise NotProvoked(f"a request with one item of {LARGE_ITEM // telemetry.MIB} MiB is refused whole: {got}")
    partial = LOGS.answer(got.message).partial_success
    if not partial.rejected_log_records:
        raise NotProvoked(f"an item of {LARGE_ITEM // telemetry.MIB} MiB is taken")
    return partial


def _messages(target: Target, number: int) -> Ended:
    with Frames(target.grpc) as frames:
        stream = frames.start(TRACES.method)
        frames.send(stream, framed(telemetry.valid(TRACES)) * number)
        return frames.wait(stream)
