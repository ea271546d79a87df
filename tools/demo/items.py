"""Spans, metric points and log records as values that compare equal exactly when everything in them is equal.

They are made from the SDK's objects, which were sent, and from OTLP's bytes, which were read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics.export import Histogram, HistogramDataPoint, MetricsData, NumberDataPoint, Sum
from opentelemetry.sdk.metrics.export import Metric as SdkMetric
from opentelemetry.sdk.trace import ReadableSpan

SIGNALS = ("traces", "metrics", "logs")

Facts = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Item:
    """One span, metric point or log record: its name, or a log record's text, and all its other facts."""

    signal: str
    name: str
    facts: Facts


def item(signal: str, name: str, **facts: object) -> Item:
    """An item with its facts in the order of their names."""
    return Item(signal, name, tuple(sorted(facts.items())))


def sent_spans(spans: Sequence[ReadableSpan]) -> Iterator[Item]:
    """The items in what the SDK gives its trace exporter."""
    for span in spans:
        yield item(
            "traces",
            span.name,
            trace=f"{span.context.trace_id:032x}",
            span=f"{span.context.span_id:016x}",
            parent=f"{span.parent.span_id:016x}" if span.parent else "",
            kind=span.kind.name,
            started=span.start_time,
            ended=span.end_time,
            status=(span.status.status_code.name, span.status.description or ""),
            attributes=_given(span.attributes),
            events=tuple((event.name, event.timestamp, _given(event.attributes)) for event in span.events),
            resource=_given(span.resource.attributes),
        )


def sent_points(data: MetricsData) -> Iterator[Item]:
    """The items in what the SDK gives its metric exporter."""
    for of_resource in data.resource_metrics:
        resource = _given(of_resource.resource.attributes)
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                yield from _sent_metric(metric, resource)


def _sent_metric(metric: SdkMetric, resource: Facts) -> Iterator[Item]:
    for point in metric.data.data_points:
        facts: dict[str, object] = {
            "unit": metric.unit or "",
            "description": metric.description or "",
            "attributes": _given(point.attributes),
            "at": point.time_unix_nano,
            "resource": resource,
        }
        if isinstance(point, HistogramDataPoint):
            facts |= {"count": point.count, "sum": point.sum, "range": (point.min, point.max)}
            facts |= {"buckets": tuple(point.bucket_counts), "bounds": tuple(point.explicit_bounds)}
        elif isinstance(point, NumberDataPoint):
            facts["value"] = point.value
        if isinstance(metric.data, Histogram | Sum):
            facts["temporality"] = int(metric.data.aggregation_temporality)
        if isinstance(metric.data, Sum):
            facts["monotonic"] = metric.data.is_monotonic
        yield item("metrics", metric.name, **facts)


def sent_logs(logs: Sequence[ReadableLogRecord]) -> Iterator[Item]:
    """The items in what the SDK gives its log exporter."""
    for log in logs:
        record = log.log_record
        yield item(
            "logs",
            str(record.body),
            at=record.timestamp or 0,
            observed=record.observed_timestamp or 0,
            severity=(record.severity_number.value if record.severity_number else 0, record.severity_text or ""),
            trace=f"{record.trace_id:032x}" if record.trace_id else "",
            span=f"{record.span_id:016x}" if record.span_id else "",
            attributes=_given(record.attributes),
            resource=_given(log.resource.attributes),
        )


def read_items(signal: str, value: bytes) -> list[Item]:
    """The items of a record's value in the format protobuf. Raises DecodeError when it has another format."""
    return list({"traces": _read_spans, "metrics": _read_points, "logs": _read_logs}[signal](value))


def _read_spans(value: bytes) -> Iterator[Item]:
    for of_resource in ExportTraceServiceRequest.FromString(value).resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield item(
                    "traces",
                    span.name,
                    trace=span.trace_id.hex(),
                    span=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    started=span.start_time_unix_nano,
                    ended=span.end_time_unix_nano,
                    status=(Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"), span.status.message),
                    attributes=_read(span.attributes),
                    events=tuple((event.name, event.time_unix_nano, _read(event.attributes)) for event in span.events),
                    resource=_read(of_resource.resource.attributes),
                )


def _read_points(value: bytes) -> Iterator[Item]:
    for of_resource in ExportMetricsServiceRequest.FromString(value).resource_metrics:
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                yield from _read_metric(metric, _read(of_resource.resource.attributes))


def _read_metric(metric: Metric, resource: Facts) -> Iterator[Item]:
    kind = metric.WhichOneof("data") or "gauge"
    data = getattr(metric, kind)
    for point in data.data_points:
        facts: dict[str, object] = {
            "unit": metric.unit,
            "description": metric.description,
            "attributes": _read(point.attributes),
            "at": point.time_unix_nano,
            "resource": resource,
        }
        if kind == "histogram":
            facts |= {"count": point.count, "sum": point.sum, "range": (point.min, point.max)}
            facts |= {"buckets": tuple(point.bucket_counts), "bounds": tuple(point.explicit_bounds)}
        else:
            facts["value"] = getattr(point, point.WhichOneof("value"))
        if kind in {"histogram", "sum"}:
            facts["temporality"] = data.aggregation_temporality
        if kind == "sum":
            facts["monotonic"] = data.is_monotonic
        yield item("metrics", metric.name, **facts)


def _read_logs(value: bytes) -> Iterator[Item]:
    for of_resource in ExportLogsServiceRequest.FromString(value).resource_logs:
        for of_scope in of_resource.scope_logs:
            for record in of_scope.log_records:
                yield item(
                    "logs",
                    record.body.string_value,
                    at=record.time_unix_nano,
                    observed=record.observed_time_unix_nano,
                    severity=(record.severity_number, record.severity_text),
                    trace=record.trace_id.hex(),
                    span=record.span_id.hex(),
                    attributes=_read(record.attributes),
                    resource=_read(of_resource.resource.attributes),
                )


def _given(attributes: Mapping[str, Any] | None) -> Facts:
    pairs = ((key, tuple(value) if isinstance(value, list) else value) for key, value in (attributes or {}).items())
    return tuple(sorted(pairs))


def _read(attributes: Iterable[KeyValue]) -> Facts:
    return tuple(sorted((pair.key, _read_value(pair.value)) for pair in attributes))


def _read_value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_read_value(part) for part in value.array_value.values)
    return getattr(value, kind) if kind else None
