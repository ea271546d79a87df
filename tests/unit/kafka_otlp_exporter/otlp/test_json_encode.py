"""OTLP/JSON as it is written, in single cases. ``tests/laws`` has the general rules."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.unit.kafka_otlp_exporter import documents, samples

TRACE = SIGNALS[Signal.TRACES].request
LOG = SIGNALS[Signal.LOGS].request
METRIC = SIGNALS[Signal.METRICS].request

Of = TypeVar("Of", bound=Message)

INFINITY, NAN = float("inf"), float("nan")


def of(kind: type[Of], /, **fields: Any) -> Of:
    """A message of plain values, which the constructors take and their types do not name."""
    return kind(**fields)


CASES: dict[str, tuple[Message, str]] = {
    "a request without anything": (TRACE(), "{}"),
    "a string": (of(AnyValue, string_value="für 5 €\n\0😀"), '{"stringValue":"für 5 €\\n\\u0000😀"}'),
    "an empty string": (of(AnyValue, string_value=""), '{"stringValue":""}'),
    "true": (of(AnyValue, bool_value=True), '{"boolValue":true}'),
    "false": (of(AnyValue, bool_value=False), '{"boolValue":false}'),
    "an integer": (of(AnyValue, int_value=-(2**63)), '{"intValue":"-9223372036854775808"}'),
    "zero": (of(AnyValue, int_value=0), '{"intValue":"0"}'),
    "a double": (of(AnyValue, double_value=0.1), '{"doubleValue":0.1}'),
    "a whole double": (of(AnyValue, double_value=3), '{"doubleValue":3.0}'),
    "a large double": (of(AnyValue, double_value=1e300), '{"doubleValue":1e+300}'),
    "the smallest double": (of(AnyValue, double_value=5e-324), '{"doubleValue":5e-324}'),
    "a negative zero": (of(AnyValue, double_value=-0.0), '{"doubleValue":-0.0}'),
    "not a number": (of(AnyValue, double_value=NAN), '{"doubleValue":"NaN"}'),
    "infinity": (of(AnyValue, double_value=INFINITY), '{"doubleValue":"Infinity"}'),
    "minus infinity": (of(AnyValue, double_value=-INFINITY), '{"doubleValue":"-Infinity"}'),
    "bytes": (of(AnyValue, bytes_value=b"\xfb\xff\x00\x01"), '{"bytesValue":"+/8AAQ=="}'),
    "no bytes": (of(AnyValue, bytes_value=b""), '{"bytesValue":""}'),
    "no value": (of(AnyValue), "{}"),
    "an empty array": (of(AnyValue, array_value=of(ArrayValue)), '{"arrayValue":{}}'),
    "an array with an empty value": (
        of(AnyValue, array_value=of(ArrayValue, values=[of(AnyValue)])),
        '{"arrayValue":{"values":[{}]}}',
    ),
    "a list of keys and values": (
        of(
            AnyValue,
            kvlist_value=of(
                KeyValueList, values=[of(KeyValue, key="a", value=of(AnyValue, int_value=1)), of(KeyValue, key="b")]
            ),
        ),
        '{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}},{"key":"b"}]}}',
    ),
    "a key with an empty value": (of(KeyValue, value=of(AnyValue)), '{"value":{}}'),
    "an empty resource": (of(ResourceSpans, resource={}), '{"resource":{}}'),
    "an envelope without its items": (
        of(ResourceSpans, resource={"dropped_attributes_count": 7}, schema_url="s"),
        '{"resource":{"droppedAttributesCount":7},"schemaUrl":"s"}',
    ),
    "a span": (
        of(
            Span,
            trace_id=bytes(range(16)),
            span_id=b"\xab" * 8,
            parent_span_id=b"\xcd" * 8,
            kind=Span.SPAN_KIND_SERVER,
            start_time_unix_nano=2**64 - 1,
            flags=2**32 - 1,
            status={},
        ),
        '{"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"abababababababab","parentSpanId":"cdcdcdcdcdcdcdcd",'
        '"kind":2,"startTimeUnixNano":"18446744073709551615","status":{},"flags":4294967295}',
    ),
    "ids of a wrong length": (
        of(Span, trace_id=b"\x01", span_id=b"\x02" * 9),
        '{"traceId":"01","spanId":"020202020202020202"}',
    ),
    "a link": (
        of(Span.Link, trace_id=b"\x01" * 16, span_id=b"\x02" * 8),
        f'{{"traceId":"{"01" * 16}","spanId":"{"02" * 8}"}}',
    ),
    "a log record": (
        of(LogRecord, trace_id=b"\x01" * 16, span_id=b"\x02" * 8, severity_number=17, body={}),
        f'{{"severityNumber":17,"body":{{}},"traceId":"{"01" * 16}","spanId":"{"02" * 8}"}}',
    ),
    "an enum of a later version": (of(Status, code=99), '{"code":99}'),
    "a negative enum": (of(Span, kind=-1), '{"kind":-1}'),
    "a point of zero": (of(NumberDataPoint, as_int=0), '{"asInt":"0"}'),
    "a point of no number": (of(NumberDataPoint, as_double=NAN, flags=1), '{"asDouble":"NaN","flags":1}'),
    "an exemplar": (
        of(Exemplar, as_double=0.0, trace_id=b"\xff" * 16, span_id=b"\xee" * 8),
        f'{{"asDouble":0.0,"spanId":"{"ee" * 8}","traceId":"{"ff" * 16}"}}',
    ),
    "a histogram": (
        of(HistogramDataPoint, count=2, sum=0, bucket_counts=[0, 2], explicit_bounds=[-INFINITY, 1.5], min=0, max=-0.0),
        '{"count":"2","sum":0.0,"bucketCounts":["0","2"],"explicitBounds":["-Infinity",1.5],"min":0.0,"max":-0.0}',
    ),
    "a histogram without its optional numbers": (of(HistogramDataPoint), "{}"),
    "an exponential histogram": (
        of(
            ExponentialHistogramDataPoint,
            scale=-3,
            zero_count=1,
            positive={"offset": -5, "bucket_counts": [1, 2**63]},
            negative={},
            zero_threshold=-0.0,
        ),
        '{"scale":-3,"zeroCount":"1","positive":{"offset":-5,"bucketCounts":["1","9223372036854775808"]},"negative":{},'
        '"zeroThreshold":-0.0}',
    ),
    "a summary": (
        of(SummaryDataPoint, sum=NAN, quantile_values=[{"quantile": 0.5, "value": 2}, {}]),
        '{"sum":"NaN","quantileValues":[{"quantile":0.5,"value":2.0},{}]}',
    ),
    "a metric without points": (of(Metric, name="m", gauge={}), '{"name":"m","gauge":{}}'),
    "a response": (
        of(ExportTraceServiceResponse, partial_success={"rejected_spans": 3}),
        '{"partialSuccess":{"rejectedSpans":"3"}}',
    ),
}


@pytest.mark.parametrize("whole", [10, 1 << 20], ids=["in pieces", "whole"])
@pytest.mark.parametrize(("message", "text"), CASES.values(), ids=CASES.keys())
def test_a_message_is_written_as_otlp_json(message: Message, text: str, whole: int):
    """Every kind of value: also fields that are written only when set, and numbers that JSON does not have."""
    assert encode(message.SerializeToString(), type(message), whole=whole).decode() == text


@pytest.mark.parametrize("whole", [10, 1 << 20], ids=["in pieces", "whole"])
@pytest.mark.parametrize("signal", Signal)
def test_a_request_of_each_signal_is_the_document_that_it_is_made_of(signal: Signal, whole: int):
    """With all that a request of its signal may hold."""
    message, text = documents.OF_EACH[signal]
    assert json.loads(encode(message.SerializeToString(), type(message), whole=whole)) == json.loads(text)


def test_unknown_fields_are_left_out():
    """JSON has no place for them."""
    payload = samples.traces(1)
    text = encode(payload, TRACE)
    for whole in (10, 1 << 20):
        assert encode(samples.UNKNOWN_FIELD + payload + samples.UNKNOWN_FIELD, TRACE, whole=whole) == text


def test_a_field_of_an_unexpected_wire_type_is_unknown():
    """As protobuf has it."""
    payload = wire.enclose(1, b"\x08\x01") + b"\x08\x01"
    for whole in (0, 1 << 20):
        assert encode(payload, TRACE, whole=whole) == b'{"resourceSpans":[{}]}'


TWICE: dict[str, tuple[bytes, type[Message], str]] = {
    "a message": (
        of(KeyValue, key="a", value={"kvlist_value": {"values": [{"key": "b"}]}}).SerializeToString()
        + of(KeyValue, value={"kvlist_value": {"values": [{"key": "c"}]}}).SerializeToString(),
        KeyValue,
        '{"key":"a","value":{"kvlistValue":{"values":[{"key":"b"},{"key":"c"}]}}}',
    ),
    "a scalar": (
        of(KeyValue, key="a").SerializeToString() + of(KeyValue, key="bcdefghijkl").SerializeToString(),
        KeyValue,
        '{"key":"bcdefghijkl"}',
    ),
    "a oneof, message and message": (
        of(Metric, gauge={"data_points": [{}]}).SerializeToString()
        + of(Metric, sum={"is_monotonic": True}).SerializeToString() * 3,
        Metric,
        '{"sum":{"isMonotonic":true}}',
    ),
    "a oneof, message, scalar and message": (
        of(AnyValue, array_value={"values": [{}, {}, {}]}).SerializeToString()
        + of(AnyValue, int_value=5).SerializeToString()
        + of(AnyValue, array_value={"values": [{"int_value": 2**60}]}).SerializeToString(),
        AnyValue,
        '{"arrayValue":{"values":[{"intValue":"1152921504606846976"}]}}',
    ),
    "a oneof, message and scalar": (
        of(AnyValue, array_value={"values": [{}, {}, {}, {}]}).SerializeToString()
        + of(AnyValue, bool_value=False).SerializeToString(),
        AnyValue,
        '{"boolValue":false}',
    ),
    "an optional number": (
        of(HistogramDataPoint, sum=1, min=3).SerializeToString() + of(HistogramDataPoint, sum=0).SerializeToString(),
        HistogramDataPoint,
        '{"sum":0.0,"min":3.0}',
    ),
    "a list, packed and not": (
        of(HistogramDataPoint, bucket_counts=[1, 2]).SerializeToString() + b"\x31\x03" + b"\0" * 7,
        HistogramDataPoint,
        '{"bucketCounts":["1","2","3"]}',
    ),
}


@pytest.mark.parametrize("whole", [10, 1 << 20], ids=["in pieces", "whole"])
@pytest.mark.parametrize(("payload", "kind", "text"), TWICE.values(), ids=TWICE.keys())
def test_what_stands_twice_is_merged(payload: bytes, kind: type[Message], text: str, whole: int):
    """Messages and lists are merged. Of a scalar and of a oneof the last one counts."""
    assert encode(payload, kind, whole=whole).decode() == text


@pytest.mark.parametrize("whole", [10, 1000, 1 << 22], ids=["in small pieces", "in pieces", "whole"])
def test_long_lists_of_numbers_are_whole(whole: int):
    """Packed fixed and variable numbers are cut between two of them."""
    counts = [2**63 + number for number in range(500)]
    point = of(ExponentialHistogramDataPoint, positive={"bucket_counts": counts})
    found = json.loads(encode(point.SerializeToString(), type(point), whole=whole))
    assert found == {"positive": {"bucketCounts": list(map(str, counts))}}
    bounds = of(HistogramDataPoint, bucket_counts=counts, explicit_bounds=[0.5] * 500)
    found = json.loads(encode(bounds.SerializeToString(), type(bounds), whole=whole))
    assert found == {"bucketCounts": list(map(str, counts)), "explicitBounds": [0.5] * 500}


@pytest.mark.parametrize("signal", Signal)
def test_a_large_request_is_the_same_text_as_whole(signal: Signal):
    """Above the size from which it is cut."""
    payload = samples.OF_EACH[signal](3000)
    kind = SIGNALS[signal].request
    assert encode(payload, kind) == encode(payload, kind, whole=len(payload))


def test_a_large_string_is_one_piece():
    """It cannot be cut."""
    payload = samples.logs(2, "x" * 100_000)
    assert encode(payload, LOG) == encode(payload, LOG, whole=len(payload))


@pytest.mark.parametrize("whole", [10, 1 << 20], ids=["in pieces", "whole"])
@pytest.mark.parametrize(
    "payload",
    [b"\xff\xff\xff\xff", samples.traces(3)[:-1], wire.enclose(1, wire.enclose(3, b"\xff" * 20)), b"\x0b\x08\x01" * 8],
    ids=["garbage", "cut off", "text that is no UTF-8", "groups without end"],
)
def test_bytes_that_are_no_message_are_told(payload: bytes, whole: int):
    """The sentence repeats nothing of the payload."""
    with pytest.raises(wire.Malformed) as caught:
        encode(payload, TRACE, whole=whole)
    assert caught.value.__cause__ is None


def test_the_type_is_named():
    """The sentence names the expected message."""
    with pytest.raises(wire.Malformed, match=r"no valid opentelemetry\.proto\.metrics\.v1\.Metric$"):
        encode(b"\xff", Metric)


def test_more_fields_than_can_be_told_apart_are_refused(monkeypatch: pytest.MonkeyPatch):
    """``wire.validate`` refuses them in the same words."""
    monkeypatch.setattr(wire, "MAX_FIELDS", 1000)
    payload = wire.enclose(1, wire.enclose(2, wire.enclose(2, b"") * 1100))
    with pytest.raises(wire.Malformed, match="more than 1000 items"):
        encode(payload, TRACE, whole=100)


def test_a_hundred_messages_in_one_another_are_written():
    """As deep as protobuf reads, and not too deep for Python or for the writer of JSON."""
    value: Any = of(AnyValue, string_value="x")
    for _ in range(47):
        value = of(AnyValue, array_value=of(ArrayValue, values=[value]))
    record = of(LogRecord, body=value).SerializeToString()
    payload = wire.enclose(1, wire.enclose(2, wire.enclose(2, record)))
    for whole in (10, 1 << 20):
        assert encode(payload, LOG, whole=whole).count(b"arrayValue") == 47
