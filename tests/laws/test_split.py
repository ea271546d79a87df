"""Splitting loses nothing, doubles nothing, keeps the order, and never exceeds the limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.keys import resource_key
from kafka_otlp_exporter.options import Options
from kafka_otlp_exporter.records import Layout, record_bytes, records
from kafka_otlp_exporter.signals import SIGNALS, Signal
from kafka_otlp_exporter.split import MOST_GROWTH, split

TEXT = st.text(max_size=30)
KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
LIMITS = st.integers(20, 600)


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[str, list[tuple[str, list[Any]]]]]]:
    """Resources (service) of scopes (name) of leaves."""
    scopes = st.lists(st.tuples(TEXT, st.lists(leaf, max_size=6)), max_size=4)
    return st.lists(st.tuples(st.sampled_from(["", "a", "b", "c" * 40]), scopes), max_size=4)


def spans(tree: list[Any]) -> bytes:
    request = ExportTraceServiceRequest()
    for service, scopes in tree:
        resource = request.resource_spans.add(schema_url=service)
        if service:
            resource.resource.attributes.add(key="service.name").value.string_value = service
        for name, leaves in scopes:
            scope = resource.scope_spans.add()
            scope.scope.name = name
            for leaf in leaves:
                scope.spans.add(name=leaf)
    return request.SerializeToString()


def points(tree: list[Any]) -> bytes:
    request = ExportMetricsServiceRequest()
    for service, scopes in tree:
        resource = request.resource_metrics.add()
        if service:
            resource.resource.attributes.add(key="service.name").value.string_value = service
        for name, leaves in scopes:
            scope = resource.scope_metrics.add(schema_url=name)
            for kind, times in leaves:
                data = getattr(scope.metrics.add(name=kind), kind)
                for time in times:
                    data.data_points.add(time_unix_nano=time)
    return request.SerializeToString()


def log_records(tree: list[Any]) -> bytes:
    request = ExportLogsServiceRequest()
    for service, scopes in tree:
        resource = request.resource_logs.add()
        if service:
            resource.resource.attributes.add(key="service.name").value.string_value = service
        for name, leaves in scopes:
            scope = resource.scope_logs.add(schema_url=name)
            for leaf in leaves:
                scope.log_records.add().body.string_value = leaf
    return request.SerializeToString()


REQUESTS = st.one_of(
    st.tuples(st.just(Signal.TRACES), nested(TEXT).map(spans)),
    st.tuples(
        st.just(Signal.METRICS),
        nested(st.tuples(st.sampled_from(KINDS), st.lists(st.integers(0, 2**64 - 1), max_size=5))).map(points),
    ),
    st.tuples(st.just(Signal.LOGS), nested(TEXT).map(log_records)),
)


def items(signal: Signal, payload: bytes) -> list[tuple[bytes, ...]]:
    """Each item with all that it stands in, by protobuf's own parser."""
    request: Any = SIGNALS[signal].request.FromString(payload)
    match signal:
        case Signal.TRACES:
            return [
                (resource.resource.SerializeToString(), scope.scope.name.encode(), span.SerializeToString())
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        case Signal.METRICS:
            return list(_points(request))
        case Signal.LOGS:
            return [
                (resource.resource.SerializeToString(), scope.schema_url.encode(), record.SerializeToString())
                for resource in request.resource_logs
                for scope in resource.scope_logs
                for record in scope.log_records
            ]


def _points(request: Any) -> Iterator[tuple[bytes, ...]]:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                around = (resource.resource.SerializeToString(), scope.schema_url.encode(), metric.name.encode())
                for point in getattr(metric, kind).data_points if kind else ():
                    yield (*around, kind.encode(), point.SerializeToString())


@given(REQUESTS, LIMITS)
def test_parts_hold_every_item_once_and_in_order_but_the_oversized(request: tuple[Signal, bytes], limit: int) -> None:
    """And no part exceeds the limit, and what is oversized does."""
    signal, payload = request
    parts = split(payload, SIGNALS[signal].item_path, limit)
    assert all(len(part) <= limit for part in parts.requests)
    assert all(oversized.size > limit for oversized in parts.oversized)
    sent = items(signal, payload)
    delivered = [item for part in parts.requests for item in items(signal, part)]
    assert len(delivered) + sum(oversized.items for oversized in parts.oversized) + parts.surplus == len(sent)
    assert sum(len(part) for part in parts.requests) <= MOST_GROWTH * len(payload) + limit
    remaining = iter(sent)
    assert all(item in remaining for item in delivered)


@given(REQUESTS, st.integers(1000, 2000))
def test_keyed_records_hold_every_item_once_under_its_resources_key(request: tuple[Signal, bytes], limit: int) -> None:
    """Resources that are equal share a key, and none has two."""
    signal, payload = request
    options = Options(partition_metrics_by_resource_attributes=True, partition_logs_by_resource_attributes=True)
    batch = records(signal, payload, Layout.of(options, limit))
    assert batch.rejected is None
    assert all(record_bytes(record) <= limit for record in batch.records)
    keys: dict[bytes, bytes | None] = {}
    for record in batch.records:
        made: Any = SIGNALS[signal].request.FromString(record.value)
        for resource in next((value for _, value in made.ListFields()), ()):
            key = resource_key(resource.resource.attributes) if signal is not Signal.TRACES else None
            assert record.key == key
            assert keys.setdefault(resource.resource.SerializeToString(), key) == key
    delivered = [item for record in batch.records for item in items(signal, record.value)]
    assert sorted(delivered) == sorted(items(signal, payload))
