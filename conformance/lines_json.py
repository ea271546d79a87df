"""J1 to J7: which OTLP/JSON a server must accept, and which it must refuse.

A key in snake_case cannot be told from an unknown field by one answer. Two requests can: when a right value is taken
and a wrong one is refused, the server reads the key. A server may refuse the request of a bad item or the item alone.
"""

from __future__ import annotations

import json
from typing import Any

from conformance import telemetry_json as otlp
from conformance.http_client import JSON, Answer, post
from conformance.lines_http import accepted
from conformance.signals import LOGS, METRICS, TRACES, Signal
from conformance.table import Level, expect, line
from conformance.target import Need, Target
from conformance.telemetry import SPAN_ID, TRACE_ID

ENCODING = "JSON Protobuf Encoding"
BAD_DATA = "JSON Protobuf Encoding; Bad Data"
MAPPING = "protobuf: JSON mapping"


def _post(target: Target, body: bytes, signal: Signal = TRACES) -> Answer:
    return post(target.http, signal.path, body, JSON)


def _taken(target: Target, body: bytes, signal: Signal = TRACES, what: str = "") -> None:
    accepted(_post(target, body, signal), what)


def _bad(target: Target, body: bytes, signal: Signal = TRACES, what: str = "") -> None:
    """The request is answered 400."""
    got = _post(target, body, signal)
    expect(got.status == 400, f"{what}: {got}" if what else str(got))


def _rejected(target: Target, body: bytes, signal: Signal = TRACES, what: str = "") -> None:
    """The request is answered 400, or its item is rejected through partial_success."""
    got = _post(target, body, signal)
    expect(got.status == 400 or _rejects(got), f"{what}: {got}" if what else str(got))


def _rejects(got: Answer) -> bool:
    if got.status != 200:
        return False
    success = json.loads(got.body or b"{}").get("partialSuccess") or {}
    return any(int(number) > 0 for name, number in success.items() if name.startswith("rejected"))


@line("J1.1", Level.MUST, "Ids in lower-case hex are taken, in spans, links, logs and exemplars.", ENCODING, Need.HTTP)
def _(target: Target) -> None:
    _ids(target, TRACE_ID.hex(), SPAN_ID.hex())


@line("J1.2", Level.MUST, "Ids in upper-case hex are taken.", ENCODING, Need.HTTP)
def _(target: Target) -> None:
    _ids(target, TRACE_ID.hex().upper(), SPAN_ID.hex().upper())


@line("J1.3", Level.MUST, "Ids in base64 are refused, or their items rejected: they are no hex.", BAD_DATA, Need.HTTP)
def _(target: Target) -> None:
    _rejected(target, otlp.traces(traceId=otlp.BASE64_TRACE_ID), what="traceId of a span")
    _rejected(target, otlp.traces(spanId=otlp.BASE64_SPAN_ID), what="spanId of a span")
    _rejected(target, otlp.traces(parentSpanId=otlp.BASE64_SPAN_ID), what="parentSpanId")
    _rejected(target, otlp.traces(links=[{"traceId": otlp.BASE64_TRACE_ID}]), what="traceId of a link")
    _rejected(target, otlp.logs(traceId=otlp.BASE64_TRACE_ID), LOGS, "traceId of a log record")
    _rejected(target, otlp.metrics(exemplars=[{"spanId": otlp.BASE64_SPAN_ID}]), METRICS, "spanId of an exemplar")


@line("J1.4", Level.MUST, "Ids with an odd number of digits are refused, or their items rejected.", BAD_DATA, Need.HTTP)
def _(target: Target) -> None:
    _rejected(target, otlp.traces(traceId=TRACE_ID.hex()[1:]))


@line("J2.1", Level.MUST, "Enums as numbers are taken.", ENCODING, Need.HTTP)
def _(target: Target) -> None:
    _taken(target, otlp.traces(kind=3, status={"code": 2}))
    _taken(target, otlp.logs(severityNumber=17), LOGS)


@line("J2.2", Level.MAY, "Enums as names are read, although senders must not write them.", ENCODING, Need.HTTP)
def _(target: Target) -> None:
    _taken(target, otlp.traces(kind="SPAN_KIND_SERVER"))
    _taken(target, otlp.traces(status={"code": "STATUS_CODE_OK"}))
    _taken(target, otlp.logs(severityNumber="SEVERITY_NUMBER_INFO"), LOGS)


@line("J2.3", Level.SHOULD, "Enums may have numbers that have no name yet.", "Future Versions", Need.HTTP)
def _(target: Target) -> None:
    _taken(target, otlp.traces(kind=77))
    _taken(target, otlp.logs(severityNumber=99), LOGS)


@line(
    "J3.1",
    Level.MAY,
    "Names in snake_case are read as the field, although senders must not write them.",
    ENCODING,
    Need.HTTP,
)
def _(target: Target) -> None:
    right = {"trace_id": TRACE_ID.hex(), "start_time_unix_nano": otlp.NANOS}
    wrong: dict[str, Any] = {"trace_id": "no id", "start_time_unix_nano": {}}
    for name, value in right.items():
        alone: dict[str, Any] = {"traceId": None, "startTimeUnixNano": None}
        _taken(target, otlp.traces(**alone, **{name: value}), what=name)
        _rejected(target, otlp.traces(**alone, **{name: wrong[name]}), what=name)


@line(
    "J4.1", Level.MUST, "Fields with unknown names are ignored, at any depth, whatever they hold.", ENCODING, Need.HTTP
)
def _(target: Target) -> None:
    _taken(target, otlp.with_unknown_fields())


@line("J5.1", Level.MUST, "64-bit integers are taken as decimal strings.", ENCODING, Need.HTTP)
def _(target: Target) -> None:
    _taken(target, otlp.metrics(asInt=str(-(2**63))), METRICS)
    _taken(target, otlp.with_value({"intValue": str(2**63 - 1)}))
    _taken(target, otlp.traces(startTimeUnixNano=str(2**64 - 1)))


@line("J5.2", Level.MUST, "64-bit integers are taken as numbers.", ENCODING, Need.HTTP)
def _(target: Target) -> None:
    _taken(target, otlp.metrics(asInt=-(2**63)), METRICS)
    _taken(target, otlp.with_value({"intValue": 2**53 + 1}))
    _taken(target, otlp.traces(startTimeUnixNano=2**64 - 1))


@line("J5.3", Level.SHOULD, "Integers out of range are refused, or their items rejected.", MAPPING, Need.HTTP)
def _(target: Target) -> None:
    _rejected(target, otlp.traces(startTimeUnixNano=str(2**64)), what="startTimeUnixNano: 2^64")
    _rejected(target, otlp.traces(droppedLinksCount=-1), what="droppedLinksCount: -1")


@line("J5.4", Level.MUST, "NaN, Infinity and -Infinity are taken as strings where a double is.", MAPPING, Need.HTTP)
def _(target: Target) -> None:
    for text in ("NaN", "Infinity", "-Infinity"):
        _taken(target, otlp.with_value({"doubleValue": text}), what=text)
        _taken(target, otlp.metrics(asInt=None, asDouble=text), METRICS, text)


@line("J6.1", Level.MUST, "bytesValue is taken in base64.", MAPPING, Need.HTTP)
def _(target: Target) -> None:
    for text in ("AP8=", "", "+/+/"):
        _taken(target, otlp.with_value({"bytesValue": text}), what=text)


@line("J6.2", Level.SHOULD, "bytesValue is taken in URL-safe base64, and without padding.", MAPPING, Need.HTTP)
def _(target: Target) -> None:
    for text in ("AP8", "-_-_"):
        _taken(target, otlp.with_value({"bytesValue": text}), what=text)


@line("J6.3", Level.SHOULD, "A bytesValue that is no base64 is refused, or its item rejected.", MAPPING, Need.HTTP)
def _(target: Target) -> None:
    _rejected(target, otlp.with_value({"bytesValue": "!no base64!"}))


@line("J7.1", Level.SHOULD, "null is taken as a field that was left out.", MAPPING, Need.HTTP)
def _(target: Target) -> None:
    for name, body in otlp.with_null_fields().items():
        _taken(target, body, what=f"{name}: null")


@line(
    "J7.2", Level.MUST, "Attributes may have every kind of value: bytes, mixed arrays, maps, none.", ENCODING, Need.HTTP
)
def _(target: Target) -> None:
    _taken(target, otlp.every_value())


@line("J7.3", Level.MUST, "Every kind of metric is taken.", ENCODING, Need.HTTP)
def _(target: Target) -> None:
    _taken(target, otlp.every_metric(), METRICS)


@line("J7.4", Level.SHOULD, "Anything after the object is answered 400.", BAD_DATA, Need.HTTP)
def _(target: Target) -> None:
    for garbage in (b"x", b"{}", b"]"):
        _bad(target, otlp.valid(TRACES) + garbage, what=repr(garbage))


@line(
    "J7.5",
    Level.MUST,
    "A value of another JSON type than its field has is refused, or its item rejected.",
    BAD_DATA,
    Need.HTTP,
)
def _(target: Target) -> None:
    _bad(target, b'{"resourceSpans":5}', what="a number for a list")
    _rejected(target, otlp.traces(name={"a": 1}), what="an object for a string")
    _rejected(target, otlp.traces(startTimeUnixNano="soon"), what="a word for a time")
    _rejected(
        target, otlp.traces(attributes=[{"key": "k", "value": {"boolValue": "true"}}]), what="a string for a bool"
    )


@line("J7.6", Level.SHOULD, "JSON that is no object is answered 400.", BAD_DATA, Need.HTTP)
def _(target: Target) -> None:
    for body in (b"[]", b'"resourceSpans"', b"7", b" "):
        _bad(target, body, what=repr(body))


@line("J7.7", Level.SHOULD, "NaN without quotes is answered 400: it is no JSON.", "RFC 8259, section 6", Need.HTTP)
def _(target: Target) -> None:
    _bad(target, otlp.with_value({"doubleValue": float("nan")}))


@line("J7.8", Level.SHOULD, "Arrays nested 10,000 deep are answered below 500.", BAD_DATA, Need.HTTP)
def _(target: Target) -> str:
    got = _post(target, otlp.nested(10_000))
    expect(got.status < 500, str(got))
    _taken(target, otlp.valid(TRACES), what="the request after it")
    return str(got.status)


@line("J7.9", Level.SHOULD, "Envelopes that hold nothing are taken or dropped.", "Empty Telemetry Envelopes", Need.HTTP)
def _(target: Target) -> None:
    for envelopes in ("[]", "[{}]", '[{"scopeSpans":[{}]}]'):
        _taken(target, f'{{"resourceSpans":{envelopes}}}'.encode(), what=envelopes)


def _ids(target: Target, trace_id: str, span_id: str) -> None:
    link = {"traceId": trace_id, "spanId": span_id}
    _taken(target, otlp.traces(traceId=trace_id, spanId=span_id, parentSpanId=span_id, links=[link]))
    _taken(target, otlp.logs(traceId=trace_id, spanId=span_id), LOGS)
    _taken(target, otlp.metrics(exemplars=[{"asInt": "1", **link}]), METRICS)
