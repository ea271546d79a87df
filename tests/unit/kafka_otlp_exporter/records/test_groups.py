"""Cutting a request by key."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.records.groups import groups
from tests.unit.kafka_otlp_exporter import samples

PATH = SIGNALS[Signal.TRACES].item_path
SPANS = 3


def name_of(request: bytes, start: int, end: int) -> bytes | None:
    """A key for tests: the name of a span, which is its field 5."""
    return wire.last(request, 5, start, end)


def request_of(*resources: tuple[str, list[tuple[str, str]]]) -> bytes:
    """A request of these resources (schema URL), each of scopes (name) with a span for each letter."""
    request = ExportTraceServiceRequest()
    for url, scopes in resources:
        resource = request.resource_spans.add(schema_url=url)
        for name, letters in scopes:
            scope = resource.scope_spans.add()
            scope.scope.name = name
            for letter in letters:
                scope.spans.add(name=letter)
    return request.SerializeToString()


def cut(request: bytes, most: int = 100) -> dict[bytes | None, bytes]:
    """The groups of a request by the names of its spans."""
    found, left_out = groups(request, PATH, SPANS, name_of, most)
    assert left_out == 0
    return {group.key: group.request() for group in found}


def test_each_group_has_its_items_inside_their_envelopes():
    """Items are in the order of the request. Envelopes without items of the group are left out."""
    request = request_of(("r1", [("s1", "aba"), ("s2", "b")]), ("r2", [("s1", "c"), ("s3", "ac")]))
    parsed = {key: ExportTraceServiceRequest.FromString(made) for key, made in cut(request).items()}
    expected = {
        b"a": request_of(("r1", [("s1", "aa")]), ("r2", [("s3", "a")])),
        b"b": request_of(("r1", [("s1", "b"), ("s2", "b")])),
        b"c": request_of(("r2", [("s1", "c"), ("s3", "c")])),
    }
    assert parsed == {key: ExportTraceServiceRequest.FromString(made) for key, made in expected.items()}
    assert list(parsed) == [b"a", b"b", b"c"]


def test_a_request_of_one_key_stays_byte_for_byte():
    """Also with empty envelopes, unknown fields, and fields in an order that no library writes."""
    request = samples.UNKNOWN_FIELD + request_of(("r1", [("s1", "aa"), ("", "")]), ("r2", [("s", "a")]), ("r3", []))
    assert cut(request) == {b"a": request}


@pytest.mark.parametrize("request_", [b"", samples.UNKNOWN_FIELD, request_of(("r", [("s", "")]))])
def test_a_request_without_items_has_no_key(request_: bytes):
    """It stays byte for byte."""
    assert cut(request_) == {None: request_}


def test_fields_of_the_request_itself_go_with_the_first_group():
    """They are in no resource, and must not be repeated in each group."""
    request = samples.UNKNOWN_FIELD + request_of(("r", [("s", "ab")])) + samples.UNKNOWN_FIELD
    first, second = cut(request).values()
    assert first.startswith(samples.UNKNOWN_FIELD * 2)
    assert samples.UNKNOWN_FIELD not in second


def test_unknown_fields_of_envelopes_and_items_are_kept():
    """Fields of a newer client are repeated with their envelope."""
    span = wire.enclose(2, b"\x2a\x01a" + samples.UNKNOWN_FIELD) + wire.enclose(2, b"\x2a\x01b")
    request = wire.enclose(1, wire.enclose(2, span + samples.UNKNOWN_FIELD) + samples.UNKNOWN_FIELD)
    first, second = cut(request).values()
    assert first.count(samples.UNKNOWN_FIELD) == 3
    assert second.count(samples.UNKNOWN_FIELD) == 2


def test_the_items_of_a_group_are_counted_without_making_it():
    """The items of a group that is left out must be reported."""
    found, _ = groups(request_of(("r1", [("s", "abaa")]), ("r2", [("s", "a")])), PATH, SPANS, name_of, 100)
    assert [(group.key, group.items) for group in found] == [(b"a", 4), (b"b", 1)]


def test_items_beyond_the_most_groups_are_counted_and_left_out():
    """The groups that are made are complete."""
    found, left_out = groups(request_of(("r", [("s", "abcacb")])), PATH, SPANS, name_of, 2)
    assert [(group.key, group.items) for group in found] == [(b"a", 2), (b"b", 2)]
    assert left_out == 2
    assert wire.count_items(found[0].request(), PATH) == 2


def test_by_resource_a_group_is_made_of_slices_of_the_request():
    """Nothing is written anew."""
    one, other = request_of(("a", [("s", "x")])), request_of(("b", [("s", "yz")]))

    def url_of(request: bytes, start: int, end: int) -> bytes | None:
        return wire.last(request, 3, start, end)

    found, _ = groups(one + other + one, PATH, 1, url_of, 100)
    assert [(group.key, group.items, group.request()) for group in found] == [(b"a", 2, one + one), (b"b", 2, other)]
