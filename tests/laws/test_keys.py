"""Keyed records hold every item once, in order, under the key that it has."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.records.keys import resource_key
from kafka_otlp_exporter.records.making import Layout, Record, record_bytes, records
from tests.laws.requests import REQUESTS, Item, items

BY_RESOURCE = Options(
    partition_traces_by_resource_attributes=True,
    partition_metrics_by_resource_attributes=True,
    partition_logs_by_resource_attributes=True,
)
BY_NAME = Options(partition_key_attributes=("service.name", "nobody"))
BY_TRACE = Options(partition_traces_by_trace_id=True, partition_logs_by_trace_id=True)
ALL = [BY_RESOURCE, BY_NAME, BY_TRACE]

LEAVES = st.one_of(
    st.builds(AnyValue, string_value=st.text(max_size=5)),
    st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(AnyValue, double_value=st.floats()),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, bytes_value=st.binary(max_size=5)),
    st.just(AnyValue()),
)
ATTRIBUTES = st.dictionaries(st.text(max_size=5), LEAVES, max_size=6)


def key_of(options: Options, signal: Signal, item: Item) -> bytes | None:
    """The key that an item's record must have, by protobuf's own parser."""
    if options is BY_TRACE:
        valid = len(item.trace_id) == 16 and item.trace_id != bytes(16)
        return item.trace_id.hex().encode() if valid else None
    attributes = Resource.FromString(item.resource).attributes
    if options is BY_RESOURCE:
        return resource_key(attributes)
    named = [attribute for attribute in attributes if attribute.key == "service.name"]
    return resource_key(named) if named else None


def made(signal: Signal, payload: bytes, options: Options, limit: int = 1_000_000) -> list[Record]:
    """All records of a request, of which nothing may be rejected."""
    batch = records(signal, payload, Layout.of(options, limit))
    assert batch.rejected is None
    return list(batch.records)


@given(ATTRIBUTES, st.randoms(use_true_random=False))
def test_the_order_of_attributes_does_not_matter(attributes: dict[str, AnyValue], shuffle: random.Random) -> None:
    """This holds for all kinds of values."""
    entries = [KeyValue(key=name, value=value) for name, value in attributes.items()]
    before = resource_key(entries)
    shuffle.shuffle(entries)
    assert resource_key(entries) == before


@given(ATTRIBUTES, ATTRIBUTES)
def test_different_attributes_have_different_keys(one: dict[str, AnyValue], other: dict[str, AnyValue]) -> None:
    """Two resources share a partition only by chance."""

    def entries(attributes: dict[str, AnyValue]) -> list[KeyValue]:
        return [KeyValue(key=name, value=value) for name, value in attributes.items()]

    same = {name: value.SerializeToString() for name, value in one.items()} == {
        name: value.SerializeToString() for name, value in other.items()
    }
    assert (resource_key(entries(one)) == resource_key(entries(other))) == same


@pytest.mark.parametrize("options", ALL, ids=["resource", "name", "trace"])
@given(REQUESTS)
def test_items_of_one_key_share_a_record_and_keep_their_order(options: Options, request: tuple[Signal, bytes]) -> None:
    """Equal key, same record; and all records together hold every item once, inside the same envelopes."""
    signal, payload = request
    if options is BY_TRACE and signal is Signal.METRICS:
        return
    expected: dict[bytes | None, list[Item]] = {}
    for item in items(signal, payload):
        expected.setdefault(key_of(options, signal, item), []).append(item)
    found = {record.key: items(signal, record.value) for record in made(signal, payload, options)}
    assert {key: inside for key, inside in found.items() if inside} == expected
    assert len(found) == len(made(signal, payload, options)), "no key has two records"


@pytest.mark.parametrize("options", ALL, ids=["resource", "name", "trace"])
@given(REQUESTS)
def test_a_request_of_one_key_is_one_record_of_its_own_bytes(options: Options, request: tuple[Signal, bytes]) -> None:
    """Nothing is written anew without need."""
    signal, payload = request
    found = made(signal, payload, options)
    assert len(found) != 1 or found[0].value == payload


@pytest.mark.parametrize("options", ALL, ids=["resource", "name", "trace"])
@given(REQUESTS, st.integers(1000, 2000))
def test_keyed_records_that_are_split_hold_every_item_once(
    options: Options, request: tuple[Signal, bytes], limit: int
) -> None:
    """Each under its key, and no record exceeds the limit."""
    signal, payload = request
    found = made(signal, payload, options, limit)
    assert all(record_bytes(record) <= limit for record in found)
    delivered: dict[bytes | None, list[Item]] = {}
    for record in found:
        delivered.setdefault(record.key, []).extend(items(signal, record.value))
    expected: dict[bytes | None, list[Item]] = {}
    for item in items(signal, payload):
        key = None if options is BY_TRACE and signal is Signal.METRICS else key_of(options, signal, item)
        expected.setdefault(key, []).append(item)
    assert {key: inside for key, inside in delivered.items() if inside} == expected
