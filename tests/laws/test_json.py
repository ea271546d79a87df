"""OTLP/JSON: ``encode`` and ``decode`` against each other and against protobuf's own parser and JSON."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from functools import cache
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import SummaryDataPoint

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.json_decode import decode
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.laws.messages import Kind, any_message, messages, mutated, parses, requests, same, types

IDS = {"traceId", "spanId", "parentSpanId"}
# The paths to spans, metrics and log records.
PATHS = {row.request: row.item_path[:3] for row in SIGNALS.values()}
WHOLE = st.integers(10, 64) | st.integers(10, 5000) | st.just(1 << 20)


def known(payload: bytes, kind: Kind) -> Message:
    """The message without what it does not know."""
    message = kind.FromString(payload)
    message.DiscardUnknownFields()
    return message


def with_hex_ids(value: Any) -> Any:
    """protobuf's JSON as OTLP has it: its ids are base64."""
    match value:
        case dict():
            return {
                key: b64decode(inner).hex() if key in IDS and isinstance(inner, str) else with_hex_ids(inner)
                for key, inner in value.items()
            }
        case list():
            return [with_hex_ids(inner) for inner in value]
        case _:
            return value


def by_protobuf(message: Message, **how: Any) -> Any:
    """What protobuf's own JSON makes of it, its ids in hex."""
    return with_hex_ids(MessageToDict(message, use_integers_for_enums=True, **how))


def refused(payload: bytes, kind: Kind, whole: int) -> bool:
    """Whether ``encode`` refuses it; nothing else may be raised."""
    try:
        encode(payload, kind, whole=whole)
    except wire.Malformed:
        return True
    return False


@given(requests(), WHOLE)
def test_decode_takes_back_what_encode_made(request: tuple[Signal, bytes], whole: int):
    """To the last bit, except unknown fields, for which JSON has no place."""
    signal, payload = request
    kind = SIGNALS[signal].request
    assert same(kind.FromString(decode(encode(payload, kind, whole=whole), kind)[0]), known(payload, kind))


@given(any_message(), WHOLE)
def test_every_type_alone_comes_back(sample: tuple[Kind, bytes], whole: int):
    """A span, a data point or an envelope is a message like a request."""
    kind, payload = sample
    assert same(kind.FromString(decode(encode(payload, kind, whole=whole), kind)[0]), known(payload, kind))


@given(requests(), WHOLE)
def test_encode_says_what_protobufs_json_says(request: tuple[Signal, bytes], whole: int):
    """Except that ids are hex and enums are integers."""
    signal, payload = request
    kind = SIGNALS[signal].request
    text = encode(payload, kind, whole=whole)
    assert json.loads(text) == by_protobuf(known(payload, kind))
    assert text == text.strip()


# Bytes, longer than the pieces, where a number that is no list has its place: another wire type, so they are unknown.
@example((SummaryDataPoint, b""), (SummaryDataPoint, b"\x42\x0f" + b"\xc2" * 15), 10)
@given(any_message(), any_message(), WHOLE)
def test_bytes_of_two_messages_are_read_as_protobuf_reads_them(
    first: tuple[Kind, bytes], second: tuple[Kind, bytes], whole: int
):
    """Of two types, too: what is unknown or of another wire type is passed over."""
    kind, payload = first[0], first[1] + second[1] + first[1]
    if parses(payload, kind):
        text = encode(payload, kind, whole=whole)
        assert text == encode(payload, kind, whole=len(payload))
        assert json.loads(text) == by_protobuf(known(payload, kind))


WITH_ONEOFS = [
    kind for kind in types() if kind.DESCRIPTOR.name in {"AnyValue", "KeyValue", "Metric", "NumberDataPoint"}
]


@given(st.data(), st.sampled_from(WITH_ONEOFS), st.integers(10, 20))
@settings(max_examples=200)
def test_what_stands_twice_is_merged_as_protobuf_merges_it(data: st.DataObject, kind: Kind, whole: int):
    """However small the pieces are: a message is merged, a list goes on, of a oneof the last member counts."""
    parts = data.draw(st.lists(messages(kind.DESCRIPTOR, 4), min_size=2, max_size=5))
    payload = b"".join(kind(**fields).SerializeToString() for fields in parts)
    text = encode(payload, kind, whole=whole)
    assert text == encode(payload, kind, whole=len(payload))
    assert json.loads(text) == by_protobuf(known(payload, kind))


@given(mutated(), WHOLE)
@settings(max_examples=300)
def test_encode_refuses_exactly_what_protobuf_refuses(request: tuple[Signal, bytes], whole: int):
    """Of damaged requests of all signals; and what is only odd becomes the same text in pieces of any size."""
    signal, payload = request
    kind = SIGNALS[signal].request
    assert refused(payload, kind, whole) != parses(payload, kind)
    if parses(payload, kind):
        text = encode(payload, kind, whole=whole)
        assert text == encode(payload, kind, whole=len(payload))
        assert json.loads(text) == by_protobuf(known(payload, kind))


@given(st.sampled_from(types()), st.binary(max_size=60), WHOLE)
@settings(max_examples=300)
def test_encode_refuses_any_bytes_exactly_when_protobuf_does(kind: Kind, payload: bytes, whole: int):
    """This holds for every message type."""
    assert refused(payload, kind, whole) != parses(payload, kind)


@given(any_message(), WHOLE)
def test_a_list_is_its_items_with_commas_between(sample: tuple[Kind, bytes], whole: int):
    """So a text can be put together of items and envelopes that were encoded alone."""
    kind, payload = sample
    message: Any = kind.FromString(payload)
    for field, values in message.ListFields():
        if field.is_repeated and field.message_type is not None:
            items = [encode(item.SerializeToString(), type(item), whole=whole) for item in values]
            alone = b"".join(wire.enclose(field.number, item.SerializeToString()) for item in values)
            expected = b'{"' + field.json_name.encode() + b'":[' + b",".join(items) + b"]}"
            assert encode(alone, kind, whole=whole) == expected


@given(requests())
def test_defaults_may_be_spelt_out(request: tuple[Signal, bytes]):
    """As some clients do: zeros, empty strings and lists, and null for what is not there."""
    signal, payload = request
    kind = SIGNALS[signal].request
    message = known(payload, kind)
    spelt_out = with_nulls(by_protobuf(message, always_print_fields_with_no_presence=True), kind.DESCRIPTOR)
    assert same(kind.FromString(decode(json.dumps(spelt_out).encode(), kind)[0]), message)


def with_nulls(value: Any, descriptor: Any) -> Any:
    """The object with null for each field that it does not have."""
    fields = {field.json_name: field for field in descriptor.fields}
    made: dict[str, Any] = dict.fromkeys(fields)
    for key, inner in value.items():
        type_ = fields[key].message_type
        if type_ is None:
            made[key] = inner
        elif isinstance(inner, list):
            made[key] = [with_nulls(item, type_) for item in inner]
        else:
            made[key] = with_nulls(inner, type_)
    return made


@cache
def keys() -> list[str]:
    """Every key of OTLP/JSON, their original names too, and one that there is not."""
    fields = [field for kind in types() for field in kind.DESCRIPTOR.fields]
    return sorted({field.json_name for field in fields} | {field.name for field in fields} | {"stranger"})


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(
        ["NaN", "-Infinity", "1", "-0", "1e3", "1.5", "0" * 32, "ab" * 8, "AQ==", "_-8", "9" * 20, "1e9999"]
    )
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.deferred(lambda: st.sampled_from(keys())), inner),
    max_leaves=30,
)


def taken(text: bytes, kind: Kind) -> bytes | None:
    """What ``decode`` makes of a text, or None when it refuses the text; nothing else may be raised.

    The law for all that is taken: ``wire.validate`` takes it too, whole and in pieces, and counts as many items.
    """
    path = PATHS.get(kind, ())
    try:
        payload, items = decode(text, kind, path)
    except wire.Malformed as malformed:
        assert str(malformed)
        return None
    assert wire.validate(payload, kind, path) == items
    assert wire.validate(payload, kind, path, whole=0, slice_bytes=16) == items
    return payload


@given(requests())
@settings(max_examples=200)
def test_what_decode_makes_passes_validate_with_the_same_number_of_items(request: tuple[Signal, bytes]):
    """A request that was decoded is not parsed a second time to be checked or counted."""
    signal, payload = request
    kind = SIGNALS[signal].request
    made = taken(encode(payload, kind), kind)
    assert made is not None
    assert wire.validate(made, kind, PATHS[kind]) == wire.validate(payload, kind, PATHS[kind])


@given(st.sampled_from(types()), ANYTHING)
@settings(max_examples=300)
def test_decode_takes_any_json_or_refuses_it(kind: Kind, value: Any):
    """What it takes is a message that protobuf takes, and encodes to something that it takes again."""
    payload = taken(json.dumps(value).encode(), kind)
    if payload is not None:
        assert taken(encode(payload, kind), kind) is not None


@given(st.sampled_from(types()), st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_decode_takes_any_bytes_or_refuses_them(kind: Kind, text: bytes):
    """Most of the bytes are no JSON."""
    payload = taken(text, kind)
    assert payload is None or parses(payload, kind)


@given(requests(), ANYTHING, st.data())
def test_decode_takes_a_damaged_text_or_refuses_it(request: tuple[Signal, bytes], value: Any, data: st.DataObject):
    """A request in which one value was replaced by something else."""
    signal, payload = request
    kind = SIGNALS[signal].request
    text = json.loads(encode(payload, kind))
    parent: Any = [text]
    at: Any = 0
    while isinstance(parent[at], dict | list) and parent[at] and data.draw(st.integers(0, 9)):
        parent = parent[at]
        at = data.draw(st.sampled_from(sorted(parent) if isinstance(parent, dict) else range(len(parent))))
    parent[at] = value
    made = taken(json.dumps(text).encode(), kind)
    if made is not None:
        assert parses(made, kind)


@given(requests(), st.integers(0, 2000), st.binary(max_size=4))
def test_decode_takes_a_text_that_was_cut_or_changed_or_refuses_it(
    request: tuple[Signal, bytes], at: int, inserted: bytes
):
    """The cut or change may be anywhere."""
    signal, payload = request
    kind = SIGNALS[signal].request
    text = encode(payload, kind)
    for damaged in (text[:at], text[:at] + inserted + text[at:], text[:at] + inserted + text[at + len(inserted) :]):
        made = taken(damaged, kind)
        assert made is None or parses(made, kind)


@given(st.floats())
def test_a_double_is_read_back_to_the_bit(number: float):
    """Shortest digits are exact; NaN is one NaN."""
    kind = {one.DESCRIPTOR.name: one for one in types()}["AnyValue"]
    payload = kind(double_value=number).SerializeToString()
    found: Any = kind.FromString(decode(encode(payload, kind), kind)[0])
    assert found.WhichOneof("value") == "double_value"
    assert math.isnan(number) == math.isnan(found.double_value)
    assert math.isnan(number) or same(found, kind.FromString(payload))


@pytest.mark.parametrize("depth", range(44, 53))
@pytest.mark.parametrize("whole", [10, 1 << 20])
def test_both_nest_as_deep_as_protobuf(depth: int, whole: int):
    """A value in lists in lists, around the hundred messages where every parser ends."""
    kind = SIGNALS[Signal.LOGS].request
    body, text = b"\x0a\x01x", b'{"stringValue":"x"}'
    for _ in range(depth):
        body = wire.enclose(5, wire.enclose(1, body))
        text = b'{"arrayValue":{"values":[' + text + b"]}}"
    payload = wire.enclose(1, wire.enclose(2, wire.enclose(2, wire.enclose(5, body))))
    text = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":' + text + b"}]}]}]}"
    assert refused(payload, kind, whole) != parses(payload, kind)
    assert (taken(text, kind) == payload) == parses(payload, kind)
