"""OTLP requests that the tests of the exporter send."""

from __future__ import annotations

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp.signals import Signal

# A field that no OTLP message has, as a newer client would send it: number 2047, two bytes.
UNKNOWN_FIELD = b"\xfa\x7f\x02hi"


def traces(spans: int = 1, name: str = "checkout") -> bytes:
    """A request with so many spans."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(spans):
        scope.spans.add(name=name, trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"))
    return request.SerializeToString()


def metrics(points: int = 1, name: str = "requests") -> bytes:
    """A request with so many data points of one sum."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    for number in range(points):
        metric.sum.data_points.add(as_int=number)
    return request.SerializeToString()


def logs(records: int = 1, text: str = "done") -> bytes:
    """A request with so many log records."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for _ in range(records):
        scope.log_records.add().body.string_value = text
    return request.SerializeToString()


OF_EACH = {Signal.TRACES: traces, Signal.METRICS: metrics, Signal.LOGS: logs}


def of_traces(signal: Signal, *trace_ids: bytes) -> bytes:
    """A request of spans or log records with these trace ids."""
    request = ExportTraceServiceRequest() if signal is Signal.TRACES else ExportLogsServiceRequest()
    for trace_id in trace_ids:
        if isinstance(request, ExportTraceServiceRequest):
            request.resource_spans.add().scope_spans.add().spans.add(trace_id=trace_id)
        else:
            request.resource_logs.add().scope_logs.add().log_records.add(trace_id=trace_id)
    return request.SerializeToString()
