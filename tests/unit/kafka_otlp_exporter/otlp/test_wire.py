"""The wire format in single cases. ``tests/laws`` has the general rules."""

from typing import Any

import pytest
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.unit.kafka_otlp_exporter import samples

TRACE = SIGNALS[Signal.TRACES].request
LOG = SIGNALS[Signal.LOGS].request


def nested(depth: int) -> bytes:
    """A request with one log record whose body is so many lists in one another."""
    body = AnyValue(string_value="x").SerializeToString()
    for _ in range(depth):
        body = length_delimited(5, length_delimited(1, body))  # AnyValue.array_value, ArrayValue.values
    return length_delimited(1, length_delimited(2, length_delimited(2, length_delimited(5, body))))


def length_delimited(number: int, content: bytes) -> bytes:
    """One field of the wire type LEN."""
    return wire.varint(number << 3 | wire.LEN) + wire.varint(len(content)) + content


def accepted(payload: bytes, message: type[Message], **sizes: int) -> bool:
    """Whether ``validate`` takes it."""
    try:
        wire.validate(payload, message, (), **sizes)
    except wire.Malformed:
        return False
    return True


def parses(payload: bytes, message: type[Message]) -> bool:
    """Whether protobuf takes it."""
    try:
        message.FromString(payload)
    except DecodeError:
        return False
    return True


MALFORMED = {
    "garbage": b"\xff\xff\xff\xff",
    "cut off": samples.traces(3)[:-1],
    "a length beyond the end": b"\x0a\x7f",
    "a length without end": b"\x0a\xff\xff\xff\xff\xff",
    "a field number of zero": b"\x02\x00",
    "a tag of five bytes that is too large": b"\xfa\xff\xff\xff\x7f\x00",
    "a wire type that does not exist": b"\x0e",
    "an end group that nobody opened": b"\x0c",
    "a group without its end": b"\x0b\x08\x01",
    "a group that another one ends": b"\x0b\x14",
    "text that is no UTF-8": length_delimited(1, length_delimited(3, b"\xff")),
    "a number of eleven bytes": b"\x10" + b"\xff" * 10 + b"\x01",
}


@pytest.mark.parametrize("whole", [0, 1 << 20], ids=["in slices", "whole"])
@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_bytes_are_told(payload: bytes, whole: int):
    """The sentence says what was wrong, and repeats nothing of the payload."""
    assert not parses(payload, TRACE)
    with pytest.raises(wire.Malformed) as caught:
        wire.validate(payload, TRACE, whole=whole, slice_bytes=16)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("whole", [0, 1 << 20], ids=["in slices", "whole"])
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        samples.traces(5),
        samples.traces(5) + samples.UNKNOWN_FIELD,
        b"\x0b\x08\x01\x0c",
        b"\x0a\x80\x00",
        b"\x15abcd",
    ],
    ids=[
        "empty",
        "spans",
        "an unknown field",
        "an unknown group",
        "a longer zero",
        "a wire type that was not expected",
    ],
)
def test_what_protobuf_takes_is_taken(payload: bytes, whole: int):
    """Also what a newer OTLP may hold."""
    assert parses(payload, TRACE)
    wire.validate(payload, TRACE, whole=whole, slice_bytes=4)


@pytest.mark.parametrize("whole", [0, 1 << 20], ids=["in slices", "whole"])
@pytest.mark.parametrize("depth", range(44, 52))
def test_nesting_ends_where_protobufs_does(depth: int, whole: int):
    """A list is two messages deep: 47 of them are read everywhere, 48 break a consumer."""
    payload = nested(depth)
    assert accepted(payload, LOG, whole=whole, slice_bytes=10) == parses(payload, LOG)


@pytest.mark.parametrize("depth", [1000, 20_000])
def test_nesting_without_bounds_ends_in_a_refusal(depth: int):
    """Python's recursion limit is not reached."""
    assert not accepted(nested(depth), LOG, whole=0, slice_bytes=100)


@pytest.mark.parametrize("depth", [1, 96, 97, 98, 99, 100, 101, 102, 100_000])
@pytest.mark.parametrize("whole", [0, 1 << 20], ids=["in slices", "whole"])
def test_groups_nest_as_deep_as_protobuf_lets_them(depth: int, whole: int):
    """They are unknown fields to OTLP, and forwarded."""
    payload = b"\x0b" * depth + b"\x0c" * depth
    assert accepted(payload, TRACE, whole=whole) == parses(payload, TRACE)


def test_a_slice_is_about_as_large_as_asked_for():
    """Its content is at most that, and its enclosing messages cost a few bytes each."""
    payload = samples.traces(2000)
    pieces = list(wire.slices(payload, TRACE, 1000))
    assert 80 <= len(pieces) <= 90
    assert max(map(len, pieces)) <= 1000 + 2 * 10
    requests: list[Any] = [TRACE.FromString(piece) for piece in pieces]
    assert sum(len(request.resource_spans[0].scope_spans[0].spans) for request in requests) == 2000


def test_one_long_string_makes_one_long_slice():
    """It is no message, so it cannot be cut."""
    payload = samples.traces(3, "x" * 5000)
    assert max(map(len, wire.slices(payload, TRACE, 100))) > 5000


def test_empty_spans_are_parsed_in_small_pieces():
    """The worst case of protobuf's memory: no piece holds more of them than fit into a slice."""
    spans = length_delimited(2, b"") * 100_000
    payload = length_delimited(1, length_delimited(2, spans))
    most = 0
    for piece in wire.slices(payload, TRACE, 1000):
        request: Any = TRACE.FromString(piece)
        most = max(most, len(request.resource_spans[0].scope_spans[0].spans))
    assert most == 500


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("items", [0, 1, 300])
def test_items_are_counted(signal: Signal, items: int):
    """Spans, data points, log records."""
    assert wire.count_items(samples.OF_EACH[signal](items), SIGNALS[signal].item_path) == items


def test_an_unknown_field_is_no_item():
    """Whatever its number."""
    assert (
        wire.count_items(samples.traces(2) + samples.UNKNOWN_FIELD + b"\x08\x01", SIGNALS[Signal.TRACES].item_path) == 2
    )


ITEM = b"\x12\x01a\x0a\x02bc\x09%b\x08\x05\x0d%b\x0a\x01d\x10\x80\x01" % (bytes(8), bytes(4))


@pytest.mark.parametrize(("number", "found"), [(1, b"d"), (2, b"a"), (3, None)])
def test_the_last_field_of_a_number_counts(number: int, found: bytes | None):
    """Only length-delimited fields count, and nothing outside the message is read."""
    assert wire.last(b"\x0a\x01x" + ITEM + b"\x0a\x01y", number, 3, 3 + len(ITEM)) == found


def test_a_long_last_field_is_found():
    """With a length of several bytes, and a number above 15."""
    assert wire.last(wire.enclose(1, b"x" * 300), 1, 0, 303) == b"x" * 300
    assert wire.last(samples.UNKNOWN_FIELD, 2047, 0, 5) == b"hi"


@pytest.mark.parametrize("cut", [b"\x0a", b"\x0a\x05abc", b"\x09\x00", b"\x0a\x01a\x12"])
def test_a_field_that_ends_outside_is_malformed(cut: bytes):
    """Otherwise it would take bytes of its neighbour."""
    with pytest.raises(wire.Malformed):
        wire.last(cut, 1, 0, len(cut))
    with pytest.raises(wire.Malformed):
        wire.last(cut + b"more", 1, 0, len(cut))


def test_bodies_are_joined_inside_bounds():
    """All fields of one number are joined, and nothing outside the bounds."""
    payload = wire.enclose(1, b"a") + wire.enclose(1, b"b") + wire.enclose(2, b"c") + wire.enclose(1, b"d")
    assert wire.joined(payload, 1) == b"abd"
    assert wire.joined(payload, 1, 3, 9) == b"b"


@pytest.mark.parametrize("whole", [1, wire.PARSED_WHOLE_BYTES])
@pytest.mark.parametrize("signal", Signal)
def test_what_was_validated_was_counted_too(signal: Signal, whole: int):
    """Whole or in slices. For metrics the metrics are counted, because counting data points would take too long."""
    row = SIGNALS[signal]
    payload = samples.OF_EACH[signal](7)
    expected = 2 if signal is Signal.METRICS else 14
    assert wire.validate(payload + payload, row.request, row.item_path[:3], whole=whole) == expected
    assert wire.validate(b"", row.request, row.item_path[:3], whole=whole) == 0
