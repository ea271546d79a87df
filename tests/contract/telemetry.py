"""One request of each signal with most of what OTLP can say, and requests taken apart into comparable items.

Called by the tests that hold the exporter against an OpenTelemetry Collector.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal

# An item with all that it stands in: resource, scope, for a data point its metric, and the item itself.
Item = tuple[bytes, ...]

NOW = 1_760_000_000_123_456_789
TRACES = [number.to_bytes(16, "big") for number in (1, 2**64 + 3, 2**128 - 1)]
ITEMS_OF_A_SCOPE = 7


def requests() -> Mapping[Signal, Message]:
    """The requests, the same at each call."""
    return {Signal.TRACES: _traces(), Signal.METRICS: _metrics(), Signal.LOGS: _logs()}


def items(signal: Signal, payloads: Iterable[bytes]) -> Counter[Item]:
    """The items of serialised requests, each as often as it is there."""
    return Counter(item for payload in payloads for item in _items(signal, SIGNALS[signal].request.FromString(payload)))


def by_key(signal: Signal, records: Iterable[tuple[bytes | None, bytes]]) -> dict[bytes | None, Counter[Item]]:
    """The items under each key of records that are (key, serialised request)."""
    found: dict[bytes | None, Counter[Item]] = {}
    for key, payload in records:
        found.setdefault(key, Counter()).update(items(signal, [payload]))
    return found


def _items(signal: Signal, request: Any) -> Iterator[Item]:
    resources, scopes, leaves = {
        Signal.TRACES: ("resource_spans", "scope_spans", "spans"),
        Signal.METRICS: ("resource_metrics", "scope_metrics", "metrics"),
        Signal.LOGS: ("resource_logs", "scope_logs", "log_records"),
    }[signal]
    for resource in getattr(request, resources):
        for scope in getattr(resource, scopes):
            around = (
                resource.resource.SerializeToString(),
                resource.schema_url.encode(),
                scope.scope.SerializeToString(),
                scope.schema_url.encode(),
            )
            for leaf in getattr(scope, leaves):
                for parts in _points(leaf) if signal is Signal.METRICS else [(leaf.SerializeToString(),)]:
                    yield (*around, *parts)


def _points(metric: Any) -> Iterator[Item]:
    """The data points of a metric, each behind the metric without any: a split may cut them apart."""
    kind = metric.WhichOneof("data")
    points = list(getattr(metric, kind).data_points) if kind else []
    if kind:
        getattr(metric, kind).ClearField("data_points")
    without = metric.SerializeToString()
    yield from ((without, point.SerializeToString()) for point in points)


def _traces() -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    for resource, number in _resources(request.resource_spans.add):
        for scope in _scopes(resource.scope_spans.add):
            for index in range(ITEMS_OF_A_SCOPE):
                _fill_span(scope.spans.add(), number, index)
    return request


def _fill_span(span: Any, number: int, index: int) -> None:
    span.name = f"span {number} {index} é𝄞"
    if index:  # the first has no ids
        span.trace_id = TRACES[index % len(TRACES)]
        span.span_id = (number * 100 + index).to_bytes(8, "big")
        span.parent_span_id = b"\x80" + bytes(7)
    span.kind = index % 6
    span.start_time_unix_nano, span.end_time_unix_nano = NOW, 2**64 - 1
    span.trace_state = "vendor=a,other=b"
    span.flags = 0x300 + index
    span.status.code, span.status.message = index % 3, "because"
    span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count = 1, 2, 2**32 - 1
    _fill_attributes(span.attributes)
    event = span.events.add(name="event", time_unix_nano=NOW, dropped_attributes_count=3)
    _fill_attributes(event.attributes)
    link = span.links.add(trace_id=TRACES[0], span_id=b"\x01" * 8, trace_state="a=b", flags=1)
    _fill_attributes(link.attributes)


def _metrics() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    for resource, number in _resources(request.resource_metrics.add):
        for scope in _scopes(resource.scope_metrics.add):
            for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
                metric = scope.metrics.add(name=f"{kind} {number}", description="é𝄞", unit="By")
                metric.metadata.add(key="from").value.string_value = "test"
                data = getattr(metric, kind)
                if kind not in ("gauge", "summary"):
                    data.aggregation_temporality = 2
                if kind == "sum":
                    data.is_monotonic = True
                for index in range(4):
                    point = data.data_points.add(start_time_unix_nano=NOW, time_unix_nano=2**64 - 1 - index, flags=1)
                    point.attributes.add(key="index").value.int_value = index
                    _FILL_POINT[kind](point, index)
    return request


def _fill_number(point: Any, index: int) -> None:
    match index:
        case 0:
            point.as_int = -(2**63)
        case 1:
            point.as_double = 1e308
        case 2:
            point.as_double = math.inf
        case _:
            point.as_int = 2**63 - 1
    exemplar = point.exemplars.add(time_unix_nano=NOW, as_double=-math.inf, span_id=b"\x02" * 8, trace_id=TRACES[1])
    exemplar.filtered_attributes.add(key="filtered").value.bool_value = True
    point.exemplars.add(as_int=index)


def _fill_histogram(point: Any, index: int) -> None:
    point.count = 2**64 - 1
    point.bucket_counts[:] = [2**64 - 1 - index, index, 0]
    point.explicit_bounds[:] = [0.1, math.inf]
    if index:  # present and zero is not absent
        point.sum, point.min, point.max = 0.0, -0.5 * index, 1.5


def _fill_exponential(point: Any, index: int) -> None:
    point.count, point.scale, point.zero_count, point.zero_threshold = 9, -3, index, 0.25
    point.positive.offset, point.positive.bucket_counts[:] = -(2**31), [1, 2**64 - 1]
    point.negative.offset, point.negative.bucket_counts[:] = 2**31 - 1, [0, 1]
    if index:
        point.sum, point.min, point.max = 1e-300, 0.0, 0.0


def _fill_summary(point: Any, index: int) -> None:
    point.count, point.sum = 7, 0.1 * index
    point.quantile_values.add(quantile=0.5, value=index)
    point.quantile_values.add(quantile=1.0, value=math.inf)


_FILL_POINT: Mapping[str, Callable[[Any, int], None]] = {
    "gauge": _fill_number,
    "sum": _fill_number,
    "histogram": _fill_histogram,
    "exponential_histogram": _fill_exponential,
    "summary": _fill_summary,
}


def _logs() -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    for resource, number in _resources(request.resource_logs.add):
        for scope in _scopes(resource.scope_logs.add):
            for index in range(ITEMS_OF_A_SCOPE):
                _fill_log(scope.log_records.add(), number, index)
    return request


def _fill_log(record: Any, number: int, index: int) -> None:
    record.time_unix_nano, record.observed_time_unix_nano = NOW + number, NOW + index
    record.severity_number, record.severity_text = 1 + index, "WARN"
    record.event_name, record.flags, record.dropped_attributes_count = "happened", 1, index
    if index % 3:  # every third has no trace
        record.trace_id, record.span_id = TRACES[index % len(TRACES)], b"\x03" * 8
    if index == 1:
        record.body.kvlist_value.values.add(key="message").value.string_value = "structured"
    elif index == 2:
        record.body.bytes_value = bytes(range(256))
    else:
        record.body.string_value = f"log {number} {index}\n\u2028\x00é𝄞"
    _fill_attributes(record.attributes)


def _resources(add: Callable[..., Any]) -> Iterator[tuple[Any, int]]:
    """Resources with different attributes; the first two are equal, and the last has none."""
    for number in range(8):
        resource = add(schema_url=f"https://example.test/{number // 2}")
        if number < 7:
            resource.resource.dropped_attributes_count = 1
            attributes = resource.resource.attributes
            attributes.add(key="service.name").value.string_value = f"service-{max(number, 1)}"
            attributes.add(key="service.instance.id").value.int_value = max(number, 1) % 3
            _fill_attributes(attributes)
        yield resource, number


def _scopes(add: Callable[..., Any]) -> Iterator[Any]:
    for name in ("library", ""):
        scope = add(schema_url=f"https://example.test/scope/{name}")
        if name:
            scope.scope.name, scope.scope.version, scope.scope.dropped_attributes_count = name, "1.2", 4
            scope.scope.attributes.add(key="scoped").value.double_value = 0.5
        yield scope


def _fill_attributes(attributes: Any) -> None:
    """One attribute of each type."""
    attributes.add(key="text").value.string_value = "é𝄞"
    attributes.add(key="empty").value.string_value = ""
    attributes.add(key="yes").value.bool_value = True
    attributes.add(key="no").value.bool_value = False
    attributes.add(key="integer").value.int_value = -(2**63)
    attributes.add(key="zero").value.int_value = 0
    attributes.add(key="double").value.double_value = -0.0
    attributes.add(key="infinite").value.double_value = math.inf
    attributes.add(key="not a number").value.double_value = math.nan
    attributes.add(key="bytes").value.bytes_value = b"\x00\xff"
    attributes.add(key="nothing").value.SetInParent()
    array = attributes.add(key="array").value.array_value
    array.values.add().string_value = "a"
    array.values.add().int_value = 1
    array.values.add().array_value.SetInParent()
    entries = attributes.add(key="map").value.kvlist_value
    entries.values.add(key="z").value.kvlist_value.values.add(key="deep").value.bytes_value = b""
    entries.values.add(key="a").value.double_value = 1e-7
