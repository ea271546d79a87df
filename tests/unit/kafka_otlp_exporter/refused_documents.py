"""Texts that are no OTLP/JSON, each with the sentence that refuses it."""

from __future__ import annotations

from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal

TRACE = SIGNALS[Signal.TRACES].request

IN_64 = "has to be from 0 to 18446744073709551615"
NUMBERS = "and has to be a number, NaN, Infinity or -Infinity"
REFUSED: dict[str, tuple[str, type[Message], str]] = {
    "null at the top": ("null", TRACE, "the body is null, and has to be an object"),
    "an array at the top": ("[]", TRACE, "the body is an array, and has to be an object"),
    "an object for a list": ('{"attributes":{}}', Span, "attributes is an object, and has to be an array"),
    "a string for a list": (
        '{"attributes":"secret"}',
        Span,
        "attributes is a string of 6 characters, and has to be an array",
    ),
    "an array for a message": ('{"status":[]}', Span, "status is an array, and has to be an object"),
    "null in a list": ('{"links":[{},null]}', Span, "links[1] is null, and has to be an object"),
    "null in a list of numbers": (
        '{"bucketCounts":["1",null]}',
        HistogramDataPoint,
        "bucketCounts[1] is null, and has to be an integer",
    ),
    "null in an array value": (
        '{"arrayValue":{"values":[null]}}',
        AnyValue,
        "arrayValue.values[0] is null, and has to be an object",
    ),
    "a number for a string": ('{"name":5}', Span, "name is a number, and has to be a string"),
    "a string for a boolean": (
        '{"boolValue":"true"}',
        AnyValue,
        "boolValue is a string of 4 characters, and has to be true or false",
    ),
    "a number for a boolean": ('{"boolValue":1}', AnyValue, "boolValue is a number, and has to be true or false"),
    "an id in base64": (
        '{"traceId":"AQIDBAUGBwgJCgsMDQ4PEA=="}',
        Span,
        "traceId is a string of 24 characters, and has to be 32 hexadecimal digits, or empty",
    ),
    "a short id": (
        '{"spanId":"00"}',
        Span,
        "spanId is a string of 2 characters, and has to be 16 hexadecimal digits, or empty",
    ),
    "an id of one character": (
        '{"spanId":"0"}',
        Span,
        "spanId is a string of 1 character, and has to be 16 hexadecimal digits, or empty",
    ),
    "an id with spaces": (
        '{"parentSpanId":"00 11 22 33 44 5 "}',
        Span,
        "parentSpanId is a string of 17 characters, and has to be 16 hexadecimal digits, or empty",
    ),
    "an id of spaces": (
        '{"parentSpanId":"0011223344556677  "}',
        Span,
        "parentSpanId is a string of 18 characters, and has to be 16 hexadecimal digits, or empty",
    ),
    "an id that is a number": (
        '{"traceId":0}',
        Span,
        "traceId is a number, and has to be 32 hexadecimal digits, or empty",
    ),
    "the name of an enum": (
        '{"kind":"SPAN_KIND_OF_TOMORROW"}',
        Span,
        "kind is a string of 21 characters, and has to be an integer, or the name of a value",
    ),
    "an enum in a string": (
        '{"kind":"2"}',
        Span,
        "kind is a string of 1 character, and has to be an integer, or the name of a value",
    ),
    "an enum that is a boolean": (
        '{"kind":true}',
        Span,
        "kind is a boolean, and has to be an integer, or the name of a value",
    ),
    "an enum out of range": (
        '{"kind":2147483648}',
        Span,
        "kind is a number out of range: it has to be from -2147483648 to 2147483647",
    ),
    "a fraction": ('{"intValue":1.5}', AnyValue, "intValue is a number, and has to be an integer"),
    "a fraction in a string": (
        '{"intValue":"1.5"}',
        AnyValue,
        "intValue is a string of 3 characters, and has to be an integer",
    ),
    "a boolean for an integer": ('{"intValue":true}', AnyValue, "intValue is a boolean, and has to be an integer"),
    "an empty string for an integer": (
        '{"intValue":""}',
        AnyValue,
        "intValue is a string of 0 characters, and has to be an integer",
    ),
    "a space before an integer": (
        '{"intValue":" 1"}',
        AnyValue,
        "intValue is a string of 2 characters, and has to be an integer",
    ),
    "digits of another script": (
        '{"intValue":"\u0661"}',
        AnyValue,
        "intValue is a string of 1 character, and has to be an integer",
    ),
    "a zero before digits": (
        '{"intValue":"01"}',
        AnyValue,
        "intValue is a string of 2 characters, and has to be an integer",
    ),
    "an integer too large": (
        '{"count":"18446744073709551616"}',
        HistogramDataPoint,
        f"count is a number out of range: it {IN_64}",
    ),
    "an integer far too large": ('{"count":1e300}', HistogramDataPoint, f"count is a number out of range: it {IN_64}"),
    "an integer of a large exponent": (
        '{"count":"1e9999"}',
        HistogramDataPoint,
        f"count is a number out of range: it {IN_64}",
    ),
    "an integer too long to be read": (
        f'{{"intValue":"{"9" * 5000}"}}',
        AnyValue,
        "intValue is a string of 5000 characters, and has to be an integer",
    ),
    "a negative count": (
        '{"startTimeUnixNano":"-1"}',
        Span,
        "startTimeUnixNano is a number out of range: it has to be from 0 to 18446744073709551615",
    ),
    "32 bits too large": (
        '{"flags":4294967296}',
        Span,
        "flags is a number out of range: it has to be from 0 to 4294967295",
    ),
    "a boolean for a double": ('{"doubleValue":false}', AnyValue, f"doubleValue is a boolean, {NUMBERS}"),
    "a word for a double": ('{"doubleValue":"nan"}', AnyValue, f"doubleValue is a string of 3 characters, {NUMBERS}"),
    "hexadecimal for a double": (
        '{"doubleValue":"0x1"}',
        AnyValue,
        f"doubleValue is a string of 3 characters, {NUMBERS}",
    ),
    "a double too large": (
        '{"doubleValue":"-1e999"}',
        AnyValue,
        "doubleValue is a number out of range: 64 bits do not hold it",
    ),
    "no base64": ('{"bytesValue":"secret!"}', AnyValue, "bytesValue is a string of 7 characters, and has to be base64"),
    "base64 of an impossible length": (
        '{"bytesValue":"AAAAA"}',
        AnyValue,
        "bytesValue is a string of 5 characters, and has to be base64",
    ),
    "base64 of wrong padding": (
        '{"bytesValue":"AA="}',
        AnyValue,
        "bytesValue is a string of 3 characters, and has to be base64",
    ),
    "padding alone": ('{"bytesValue":"=="}', AnyValue, "bytesValue is a string of 2 characters, and has to be base64"),
    "bytes as a list": ('{"bytesValue":[1]}', AnyValue, "bytesValue is an array, and has to be base64"),
    "two spellings of one field": (
        '{"links":[{"span_id":"","spanId":""}]}',
        Span,
        "links[0] has both spanId and span_id, which are two spellings of one field",
    ),
    "an integer that no double holds": (
        '{"intValue":"1e9999"}',
        AnyValue,
        "intValue is a number out of range: 64 bits do not hold it",
    ),
    "a point without a value": ('{"asDouble":null}', NumberDataPoint, "the body has no value: its number is null"),
    "two of one oneof": (
        '{"value":{"stringValue":"","intValue":0}}',
        KeyValue,
        "value has both stringValue and intValue, and may have only one of them",
    ),
    "two numbers of a point": (
        '{"timeUnixNano":"1","asInt":"1","asDouble":1}',
        NumberDataPoint,
        "the body has both asDouble and asInt, and may have only one of them",
    ),
    "deep in a request": (
        '{"resourceSpans":[{"scopeSpans":[{},{"spans":[{},{},{},{"attributes":[{"value":{"kvlistValue":{"values":'
        '[{"value":{"arrayValue":{"values":[{},{"boolValue":0}]}}}]}}}]}]}]}]}',
        TRACE,
        "resourceSpans[0].scopeSpans[1].spans[3].attributes[0].value.kvlistValue.values[0].value.arrayValue.values[1]"
        ".boolValue is a number, and has to be true or false",
    ),
}

NO_JSON: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "at character 0"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "BOM"),
    "something behind": (b"{} {}", "at character 3"),
    "cut off": (b'{"name":"secret', "at character 15"),
    "bytes that are no UTF-8": (b'{"name":"\xff"}', "not valid UTF-8"),
    "half of a surrogate pair in UTF-8": (b'{"name":"\xed\xa0\x80"}', "not valid UTF-8"),
    "half of a surrogate pair": (b'{"name":"\\ud800"}', "surrogate"),
    "a word that is no JSON": (b'{"doubleValue":NaN}', "at character 15"),
    "a number that no double holds": (b'{"doubleValue":1e999}', "infinity"),
    "a comma too many": (b'{"name":"",}', "comma"),
    "a comment": (b"{}//", "at character 2"),
    "arrays in one another": (b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}", "depth"),
    "objects in one another": (b'{"status":' * 5000 + b"1" + b"}" * 5000, "depth"),
}
