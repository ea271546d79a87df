"""OTLP/JSON as it is read, and every sentence that refuses it. ``tests/laws`` has the general rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    NumberDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.json_decode import decode, keys_of
from kafka_otlp_exporter.otlp.json_text import MOST_VALUES, most_values
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.unit.kafka_otlp_exporter import documents
from tests.unit.kafka_otlp_exporter.refused_documents import NO_JSON, REFUSED

TRACE = SIGNALS[Signal.TRACES].request
LOG = SIGNALS[Signal.LOGS].request


def read(text: str, kind: type[Message]) -> Any:
    """The message that a text becomes."""
    return kind.FromString(decode(text.encode(), kind)[0])


def refusal(text: str | bytes, kind: type[Message], most: int = MOST_VALUES) -> str:
    """The sentence of what is refused."""
    with pytest.raises(wire.Malformed) as caught:
        decode(text.encode() if isinstance(text, str) else text, kind, most=most)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize("signal", Signal)
def test_a_document_of_each_signal_becomes_the_request_that_it_describes(signal: Signal):
    """With all that a request of its signal may hold."""
    message, text = documents.OF_EACH[signal]
    found = read(text, type(message))
    assert found.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


TAKEN: dict[str, tuple[str, type[Message], Any]] = {
    "nothing": ("{}", Span, {}),
    "white space": (' \t\r\n{ "name" : "a" } ', Span, {"name": "a"}),
    "an unknown key": ('{"nAme":1,"Name":[{"name":2}],"name":"a","":null}', Span, {"name": "a"}),
    "the last of two equal keys": ('{"name":"a","name":"b"}', Span, {"name": "b"}),
    "null": ('{"name":null,"kind":null,"status":null,"attributes":null,"traceId":null}', Span, {}),
    "null in a oneof beside a value": ('{"stringValue":null,"intValue":"7"}', AnyValue, {"int_value": 7}),
    "an empty object": ('{"status":{}}', Span, {"status": {}}),
    "an empty list": ('{"attributes":[],"links":[{}]}', Span, {"links": [{}]}),
    "escapes": (r'{"name":"\u00fc\ud83d\ude00\n\u0000"}', Span, {"name": "ü😀\n\0"}),
    "an id of capitals": (f'{{"traceId":"{"AbCd" * 8}"}}', Span, {"trace_id": b"\xab\xcd" * 8}),
    "empty ids": ('{"traceId":"","spanId":"","parentSpanId":""}', Span, {}),
    "an enum": ('{"kind":3}', Span, {"kind": 3}),
    "an enum of a later version": ('{"kind":99}', Span, {"kind": 99}),
    "a negative enum": ('{"kind":-2147483648}', Span, {"kind": -(2**31)}),
    "an enum with a point": ('{"kind":2.0}', Span, {"kind": 2}),
    "64 bits in a string": ('{"startTimeUnixNano":"18446744073709551615"}', Span, {"start_time_unix_nano": 2**64 - 1}),
    "64 bits as a number": ('{"startTimeUnixNano":18446744073709551615}', Span, {"start_time_unix_nano": 2**64 - 1}),
    "the least integer": ('{"intValue":"-9223372036854775808"}', AnyValue, {"int_value": -(2**63)}),
    "the largest integer": ('{"intValue":9223372036854775807}', AnyValue, {"int_value": 2**63 - 1}),
    "an integer with an exponent": ('{"intValue":1e3}', AnyValue, {"int_value": 1000}),
    "an integer with a point": ('{"intValue":-2.0}', AnyValue, {"int_value": -2}),
    "an exponent in a string": ('{"intValue":"12.50e1"}', AnyValue, {"int_value": 125}),
    "a point in a string": ('{"intValue":"1.0"}', AnyValue, {"int_value": 1}),
    "a large exact integer in a string": ('{"intValue":"9.007199254740993e15"}', AnyValue, {"int_value": 2**53 + 1}),
    "zero in a string": ('{"intValue":"-0"}', AnyValue, {"int_value": 0}),
    "32 bits in a string": (
        '{"flags":"4294967295","droppedLinksCount":"1"}',
        Span,
        {"flags": 2**32 - 1, "dropped_links_count": 1},
    ),
    "fixed 64 bits with a sign": ('{"asInt":"-1"}', NumberDataPoint, {"as_int": -1}),
    "zigzag": ('{"scale":-2147483648}', ExponentialHistogramDataPoint, {"scale": -(2**31)}),
    "a double": ('{"doubleValue":-1.5e-7}', AnyValue, {"double_value": -1.5e-7}),
    "an integer as a double": ('{"doubleValue":18446744073709551616}', AnyValue, {"double_value": 2.0**64}),
    "a double in a string": ('{"doubleValue":"2.5E+3"}', AnyValue, {"double_value": 2500.0}),
    "infinity": ('{"doubleValue":"-Infinity"}', AnyValue, {"double_value": -float("inf")}),
    "false": ('{"boolValue":false}', AnyValue, {"bool_value": False}),
    "an empty string that is set": ('{"stringValue":""}', AnyValue, {"string_value": ""}),
    "base64": ('{"bytesValue":"+/8AAQ=="}', AnyValue, {"bytes_value": b"\xfb\xff\x00\x01"}),
    "base64 for URLs": ('{"bytesValue":"-_8AAQ"}', AnyValue, {"bytes_value": b"\xfb\xff\x00\x01"}),
    "no bytes": ('{"bytesValue":""}', AnyValue, {"bytes_value": b""}),
    "an empty value": ('{"value":{}}', KeyValue, {"value": {}}),
    "optional zeros": ('{"sum":0,"min":0.0,"count":"0"}', HistogramDataPoint, {"sum": 0.0, "min": 0.0}),
    "numbers of both forms": (
        '{"bucketCounts":[1,"2",3e0],"explicitBounds":[1,"Infinity"]}',
        HistogramDataPoint,
        {"bucket_counts": [1, 2, 3], "explicit_bounds": [1, float("inf")]},
    ),
    "a list that is longer than a byte tells": (
        '{"bucketCounts":[' + "1," * 299 + "1]}",
        HistogramDataPoint,
        {"bucket_counts": [1] * 300},
    ),
    "a response": (
        '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too large"}}',
        ExportLogsServiceResponse,
        {"partial_success": {"rejected_log_records": 2, "error_message": "too large"}},
    ),
}


@pytest.mark.parametrize(("text", "kind", "fields"), TAKEN.values(), ids=TAKEN.keys())
def test_what_is_allowed_is_taken(text: str, kind: type[Message], fields: Any):
    """Each form that OTLP or protobuf's JSON has for a value."""
    assert read(text, kind) == kind(**fields)


def test_not_a_number_is_taken():
    """NaN is not equal to itself, so it has a test of its own."""
    found = read('{"doubleValue":"NaN"}', AnyValue)
    assert found.double_value != found.double_value
    assert found.HasField("double_value")


def test_a_negative_zero_keeps_its_sign():
    """Also where zero would be left out."""
    for text in ('{"zeroThreshold":-0.0}', '{"zeroThreshold":"-0"}'):
        assert str(read(text, ExponentialHistogramDataPoint).zero_threshold) == "-0.0"


def test_defaults_are_left_out():
    """As protobuf's own serialiser does."""
    text = '{"name":"","kind":0,"startTimeUnixNano":"0","flags":0,"droppedLinksCount":0,"traceId":"","events":[]}'
    assert decode(text.encode(), Span)[0] == b""
    assert decode(b'{"count":0,"bucketCounts":[],"explicitBounds":[]}', HistogramDataPoint)[0] == b""


@pytest.mark.parametrize(("text", "kind", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_allowed_is_refused_in_a_sentence(text: str, kind: type[Message], sentence: str):
    """The sentence says where the value is, what was found and what is allowed. It repeats nothing of the content."""
    assert refusal(text, kind) == sentence


@pytest.mark.parametrize(("text", "part"), NO_JSON.values(), ids=NO_JSON.keys())
def test_what_is_no_json_is_refused(text: bytes, part: str):
    """The sentence says where the parser gave up, and repeats nothing of the content."""
    sentence = refusal(text, Span)
    assert sentence.startswith("the body is no valid JSON: ")
    assert part in sentence
    assert "secret" not in sentence


def nested(depth: int) -> str:
    """A value in so many lists, each of which is two messages."""
    return '{"arrayValue":{"values":[' * depth + '{"stringValue":"x"}' + "]}}" * depth


@pytest.mark.parametrize("depth", range(46, 53))
def test_messages_nest_as_deep_as_protobuf_reads_them(depth: int):
    """What is nested deeper is refused here, and not by a consumer."""
    inner = AnyValue(string_value="x").SerializeToString()
    for _ in range(depth):
        inner = wire.enclose(5, wire.enclose(1, inner))
    # An attribute is one message more, which makes the number even.
    attribute = wire.enclose(2, inner)
    for text, kind, payload in (
        (nested(depth), AnyValue, inner),
        (f'{{"value":{nested(depth)}}}', KeyValue, attribute),
    ):
        if parses(payload, kind):
            assert decode(text.encode(), kind)[0] == payload
        else:
            assert refusal(text, kind) == "messages are nested more than 100 deep"


def parses(payload: bytes, kind: type[Message]) -> bool:
    """Whether protobuf takes it."""
    try:
        kind.FromString(payload)
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize("depth", [60, 300, 340])
def test_messages_that_nest_too_deep_are_refused(depth: int):
    """As deep as the JSON parser reads."""
    assert refusal(nested(depth), AnyValue) == "messages are nested more than 100 deep"


def test_what_nests_in_an_unknown_key_is_ignored():
    """No message is made of it."""
    assert decode(b'{"x":' + b"[" * 1000 + b"]" * 1000 + b"}", Span)[0] == b""


def test_a_long_path_is_cut_in_its_middle():
    """Deep values have long paths."""
    sentence = refusal(nested(40).replace('"x"', "1"), AnyValue)
    assert sentence.endswith(".stringValue is a number, and has to be a string")
    assert sentence.startswith("arrayValue.values[0].arrayValue")
    assert " … " in sentence
    assert len(sentence) < 300


def test_too_many_values_are_refused():
    """They are counted before anything is parsed. Objects count as two, because they are larger."""
    assert decode(b'{"x":[' + b"1," * 96 + b"1]}", Span, most=100)[0] == b""
    sentence = "the body has more than 100 values, an object counting as two; send fewer at once"
    assert refusal(b'{"x":[' + b"1," * 98 + b"1]}", Span, 100) == sentence
    assert refusal(b'{"links":[' + b"{}," * 40 + b"no JSON", Span, 100) == sentence
    assert refusal(b"[" * 101, Span, 100) == sentence
    assert refusal(b'"",' * 150, Span, 100) == sentence
    assert refusal(b'["' + b"{" * 101 + b'"' + b' ""' * 250 + b"]", Span, 100) == sentence


@pytest.mark.parametrize("tail", [b'"}', b'\\"', b"\\", b""], ids=["ends", "a quote", "a backslash", "does not end"])
def test_what_stands_in_long_strings_is_not_counted(tail: bytes):
    """A log may contain JSON, or a list of anything. The parser refuses a string that does not end."""
    content = '[{"a":1,"b":[2,3]},]\\' * 100
    text = b'{"name":' + json.dumps(content).encode()[:-1] + tail
    if tail == b'"}':
        assert decode(text, Span, most=100)[0] == Span(name=content).SerializeToString()
    else:
        assert refusal(text, Span, 100).startswith("the body is no valid JSON: ")


def test_a_text_whose_message_has_too_many_fields_is_refused_as_protobuf_is(monkeypatch: pytest.MonkeyPatch):
    """The limit counts fields side by side in messages of more than 1 MiB. Only a text of more values can exceed it."""
    scope = {"spans": [{"name": "x" * 1000}] * 1500}
    text = json.dumps({"resourceSpans": [{"scopeSpans": [scope]}]}).encode()
    payload, _ = decode(text, TRACE)
    monkeypatch.setattr(wire, "MAX_FIELDS", 1000)
    with pytest.raises(wire.Malformed) as caught:
        wire.validate(payload, TRACE)
    assert refusal(text, TRACE) == str(caught.value)
    assert str(caught.value).startswith("the payload has more than 1000 items or other fields")


@pytest.mark.parametrize("signal", Signal)
def test_items_are_counted_in_every_envelope(signal: Signal):
    """Resources and scopes without items, and null in place of a list, count as none."""
    row = SIGNALS[signal]
    (first, _), (second, _), (third, _) = keys_of(row.request.DESCRIPTOR, row.item_path[:3])
    one = {second: [{third: [{}, {}]}, {third: None}, {third: []}, {}]}
    text = json.dumps({first: [one, {second: None}, {}, one]}).encode()
    assert decode(text, row.request, row.item_path[:3])[1] == 4
    assert decode(b"{}", row.request, row.item_path[:3]) == (b"", 0)
    assert decode(text, row.request)[1] == 0, "without a path"


def test_where_more_may_be_held_more_values_are_taken():
    """Never fewer are taken than by the smallest exporter."""
    assert most_values(0) == most_values(80_000_000) == MOST_VALUES
    assert most_values(200_000_000) == 2_000_000


def test_a_large_number_of_ordinary_spans_is_taken():
    """More than any exporter sends at once."""
    attributes = [{"key": f"key.{number}", "value": {"stringValue": "some value"}} for number in range(8)]
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "GET /", "kind": 2, "attributes": attributes}
    text = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span] * 10_000}]}]})
    assert len(read(text, TRACE).resource_spans[0].scope_spans[0].spans) == 10_000


def test_a_request_of_logs_is_read_through_its_envelopes():
    """Resource, scope, record."""
    found = read('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}]}]}]}', LOG)
    assert found.resource_logs[0].scope_logs[0].log_records[0].body.string_value == "a"
