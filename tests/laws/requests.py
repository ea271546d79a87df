"""OTLP requests of every shape, and the items in them by protobuf's own parser. Used by the laws."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import ParseDict
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal

TEXT = st.text(max_size=30)
KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
# Valid ones, and each kind of what is none.
TRACE_IDS = st.sampled_from([b"a" * 16, b"b" * 16, bytes(15) + b"\1", bytes(16), b""])


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
                scope.spans.add(name=leaf[0], trace_id=leaf[1])
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
                scope.log_records.add(trace_id=leaf[1]).body.string_value = leaf[0]
    return request.SerializeToString()


REQUESTS = st.one_of(
    st.tuples(st.just(Signal.TRACES), nested(st.tuples(TEXT, TRACE_IDS)).map(spans)),
    st.tuples(
        st.just(Signal.METRICS),
        nested(st.tuples(st.sampled_from(KINDS), st.lists(st.integers(0, 2**64 - 1), max_size=5))).map(points),
    ),
    st.tuples(st.just(Signal.LOGS), nested(st.tuples(TEXT, TRACE_IDS)).map(log_records)),
)


@dataclass(frozen=True)
class Item:
    """A span, data point or log record with all that it stands in; what is a message is serialised."""

    resource: bytes
    around: tuple[str, ...]
    item: bytes
    trace_id: bytes


def items(signal: Signal, payload: bytes) -> list[Item]:
    """Each item of a request, in order."""
    request: Any = SIGNALS[signal].request.FromString(payload)
    match signal:
        case Signal.TRACES:
            return [
                Item(
                    resource.resource.SerializeToString(),
                    (resource.schema_url, scope.scope.name),
                    span.SerializeToString(),
                    span.trace_id,
                )
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        case Signal.METRICS:
            return list(_points(request))
        case Signal.LOGS:
            return [
                Item(
                    resource.resource.SerializeToString(),
                    (scope.schema_url,),
                    record.SerializeToString(),
                    record.trace_id,
                )
                for resource in request.resource_logs
                for scope in resource.scope_logs
                for record in scope.log_records
            ]


def _points(request: Any) -> Iterator[Item]:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                around = (scope.schema_url, metric.name, str(kind))
                for point in getattr(metric, kind).data_points if kind else ():
                    yield Item(resource.resource.SerializeToString(), around, point.SerializeToString(), b"")


def from_json(signal: Signal, text: bytes) -> bytes:
    """A request that was OTLP/JSON, by protobuf's own reader of JSON, which knows ids as base64 only."""

    def with_base64(value: Any) -> Any:
        if isinstance(value, list):
            return [with_base64(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            name: base64.b64encode(bytes.fromhex(inside)).decode() if name.endswith("Id") else with_base64(inside)
            for name, inside in value.items()
        }

    made: bytes = ParseDict(with_base64(json.loads(text)), SIGNALS[signal].request()).SerializeToString()
    return made


def only(signal: Signal, payload: bytes, numbers: set[int]) -> bytes:
    """The request with these items alone, by their numbers in ``items``, and without envelopes that hold none."""
    request: Any = SIGNALS[signal].request.FromString(payload)
    counted = itertools.count()

    def prune(message: Any, path: tuple[frozenset[int], ...]) -> bool:
        fields = [message.DESCRIPTOR.fields_by_number[n] for n in path[0] if n in message.DESCRIPTOR.fields_by_number]
        kept = False
        for one in fields:
            if one.is_repeated:
                children = list(getattr(message, one.name))
                left = [
                    child for child in children if (prune(child, path[1:]) if path[1:] else next(counted) in numbers)
                ]
                message.ClearField(one.name)
                getattr(message, one.name).extend(left)
                kept = kept or bool(left)
            elif message.HasField(one.name):
                kept = kept or prune(getattr(message, one.name), path[1:])
        return kept

    prune(request, SIGNALS[signal].item_path)
    made: bytes = request.SerializeToString()
    return made
