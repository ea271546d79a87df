"""The wire format: our own walk over the bytes against protobuf's parser."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.laws.messages import Kind, mutated, parses, requests, same

SIZES = st.integers(10, 64) | st.integers(10, 5000)


def accepts(payload: bytes, kind: Kind, whole: int, slice_bytes: int) -> bool:
    """Whether our own walk accepts it."""
    try:
        wire.validate(payload, kind, whole=whole, slice_bytes=slice_bytes)
    except wire.Malformed:
        return False
    return True


@given(requests(), st.sampled_from([0, 20, 1000, wire.PARSED_WHOLE_BYTES]), SIZES)
def test_a_valid_request_is_valid_in_slices_of_any_size(request: tuple[Signal, bytes], whole: int, size: int):
    """Its unknown fields and packed numbers included."""
    signal, payload = request
    assert parses(payload, SIGNALS[signal].request)
    wire.validate(payload, SIGNALS[signal].request, whole=whole, slice_bytes=size)


@given(mutated(), SIZES)
@settings(max_examples=150)
def test_slices_parse_exactly_when_the_whole_does(request: tuple[Signal, bytes], size: int):
    """Damaged bytes are refused, and bytes that only look damaged are accepted."""
    signal, payload = request
    kind = SIGNALS[signal].request
    assert accepts(payload, kind, 0, size) == parses(payload, kind)


@given(st.sampled_from(list(Signal)), st.binary(max_size=60), SIZES)
@settings(max_examples=300)
def test_any_bytes_are_taken_exactly_when_protobuf_takes_them(signal: Signal, payload: bytes, size: int):
    """The bytes are random."""
    kind = SIGNALS[signal].request
    assert accepts(payload, kind, 0, size) == parses(payload, kind)


@given(requests(), st.integers(10, 2000))
def test_slices_merged_are_the_request_where_only_its_own_fields_were_parted(request: tuple[Signal, bytes], size: int):
    """Cut between resources, nothing is lost, doubled or out of order, unknown fields included."""
    signal, payload = request
    kind = SIGNALS[signal].request
    largest = max((end - start for start, end in _fields(payload)), default=0)
    merged = kind()
    for piece in wire.slices(payload, kind, max(size, largest)):
        merged.MergeFromString(piece)
    assert same(merged, kind.FromString(payload))
    assert b"".join(wire.slices(payload, kind, max(size, largest))) == payload


def _fields(payload: bytes) -> list[tuple[int, int]]:
    """Where each field of the outermost message starts and ends."""
    found, position = [], 0
    while position < len(payload):
        start = position
        position = wire.field(payload, position, len(payload))[3]
        found.append((start, position))
    return found


@given(requests(), SIZES)
def test_no_item_is_lost_between_slices(request: tuple[Signal, bytes], size: int):
    """Where resources and scopes are cut, their items are in one slice or another, in order and whole."""
    signal, payload = request
    kind = SIGNALS[signal].request
    original = items(signal, kind.FromString(payload))
    roomy = max([size, *(item.ByteSize() + 12 for item in original)])
    found = [item for piece in wire.slices(payload, kind, roomy) for item in items(signal, kind.FromString(piece))]
    assert len(found) == len(original)
    assert all(same(one, other) for one, other in zip(found, original, strict=True))


def items(signal: Signal, request: Any) -> list[Any]:
    """The spans, metrics or log records of a request."""
    match signal:
        case Signal.TRACES:
            return [
                span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
            ]
        case Signal.METRICS:
            return [
                metric
                for resource in request.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
            ]
        case Signal.LOGS:
            return [
                record
                for resource in request.resource_logs
                for scope in resource.scope_logs
                for record in scope.log_records
            ]


@given(requests())
def test_items_are_counted_as_protobuf_counts_them(request: tuple[Signal, bytes]):
    """Spans, log records, and the data points of a metric of any kind."""
    signal, payload = request
    found = items(signal, SIGNALS[signal].request.FromString(payload))
    if signal is Signal.METRICS:
        kinds = [(metric, metric.WhichOneof("data")) for metric in found]
        number = sum(len(getattr(metric, kind).data_points) for metric, kind in kinds if kind)
    else:
        number = len(found)
    assert wire.count_items(payload, SIGNALS[signal].item_path) == number


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=200), st.integers(10, 100))
def test_packed_numbers_are_cut_between_two_of_them(numbers: list[int], size: int):
    """An exponential histogram's buckets may be longer than a slice; the numbers stay what they were."""
    kind: Any = SIGNALS[Signal.METRICS].request
    message = kind()
    point = message.resource_metrics.add().scope_metrics.add().metrics.add().exponential_histogram.data_points.add()
    point.positive.bucket_counts.extend(numbers)
    payload = message.SerializeToString()
    wire.validate(payload, kind, whole=0, slice_bytes=size)
    found: list[int] = []
    for piece in wire.slices(payload, kind, size):
        parsed = kind.FromString(piece)
        for part in parsed.resource_metrics[0].scope_metrics[0].metrics[0].exponential_histogram.data_points:
            found += part.positive.bucket_counts
    assert found == numbers


@given(st.integers(44, 52), st.integers(10, 400), st.binary(max_size=3))
def test_nesting_is_as_deep_as_protobuf_lets_it_be(depth: int, size: int, tail: bytes):
    """A value in lists in lists, around the hundred messages where every parser ends."""
    kind = SIGNALS[Signal.LOGS].request
    body = b"\x0a\x01x" + tail
    for number in [*[1, 5] * depth, 5, 2, 2, 1]:
        body = wire.varint(number << 3 | wire.LEN) + wire.varint(len(body)) + body
    assert accepts(body, kind, 0, size) == parses(body, kind)


@pytest.mark.parametrize("size", [10, 11, 100])
def test_the_smallest_slice_holds_the_longest_number(size: int):
    """Ten bytes, the length of a varint of 64 bits."""
    kind: Any = SIGNALS[Signal.METRICS].request
    message = kind()
    point = message.resource_metrics.add().scope_metrics.add().metrics.add().exponential_histogram.data_points.add()
    point.positive.bucket_counts.extend([2**64 - 1] * 50)
    wire.validate(message.SerializeToString(), kind, whole=0, slice_bytes=size)
