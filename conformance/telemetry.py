"""The requests that the lines send, in protobuf: valid, odd but valid, invalid and large ones."""

from __future__ import annotations

import gzip
from functools import cache
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from conformance.signals import LOGS, METRICS, TRACES, Signal

MIB = 1024 * 1024
TRACE_ID = bytes.fromhex("5b8efff798038103d269b633813fc60c")
SPAN_ID = bytes.fromhex("eee19b7ec3c1b174")
PARENT_ID = bytes.fromhex("eee19b7ec3c1b173")
START = 1_544_712_660_000_000_000
END = START + 1_000_000_000
# Field 2047 with two bytes, as a newer client's field would look.
UNKNOWN_FIELD = b"\xfa\x7f\x02hi"
# Field 1 of the wire type 7, which protobuf does not have.
NO_PROTOBUF = b"\x0f\xff\xff\xff"
# Larger than the recommended limit, and larger than a limit that may be configured.
OVER_LIMIT = (65 * MIB, 257 * MIB)


def traces(service: str = "conformance") -> ExportTraceServiceRequest:
    """One span with a link, an event and a status."""
    request = ExportTraceServiceRequest()
    envelope = request.resource_spans.add()
    _attribute(envelope.resource, "service.name", service)
    spans = envelope.scope_spans.add()
    spans.scope.name = "conformance"
    span: Any = spans.spans.add(name="GET /", trace_id=TRACE_ID, span_id=SPAN_ID, parent_span_id=PARENT_ID, kind=2)
    span.start_time_unix_nano, span.end_time_unix_nano = START, END
    span.status.code = 1
    span.links.add(trace_id=TRACE_ID, span_id=SPAN_ID)
    span.events.add(name="read", time_unix_nano=START)
    return request


def metrics(service: str = "conformance") -> ExportMetricsServiceRequest:
    """Each of the five kinds of metric once, with an exemplar."""
    request = ExportMetricsServiceRequest()
    envelope = request.resource_metrics.add()
    _attribute(envelope.resource, "service.name", service)
    into = envelope.scope_metrics.add()
    times = {"start_time_unix_nano": START, "time_unix_nano": END}
    point = into.metrics.add(name="gauge").gauge.data_points.add(as_double=0.5, **times)
    point.exemplars.add(as_double=0.25, time_unix_nano=END, trace_id=TRACE_ID, span_id=SPAN_ID)
    total: Any = into.metrics.add(name="sum", unit="1").sum
    total.aggregation_temporality, total.is_monotonic = 2, True
    total.data_points.add(as_int=-(2**62), **times)
    histogram: Any = into.metrics.add(name="histogram").histogram
    histogram.aggregation_temporality = 1
    histogram.data_points.add(count=3, sum=4.5, bucket_counts=[1, 2], explicit_bounds=[1.0], **times)
    exponential: Any = into.metrics.add(name="exponential").exponential_histogram
    exponential.aggregation_temporality = 1
    exponential.data_points.add(count=2, sum=2.0, scale=1, zero_count=1, **times).positive.bucket_counts.append(1)
    summary = into.metrics.add(name="summary").summary.data_points.add(count=2, sum=2.0, **times)
    summary.quantile_values.add(quantile=0.5, value=1.0)
    return request


def logs(service: str = "conformance") -> ExportLogsServiceRequest:
    """One log record that belongs to a span."""
    request = ExportLogsServiceRequest()
    envelope = request.resource_logs.add()
    _attribute(envelope.resource, "service.name", service)
    record = envelope.scope_logs.add().log_records.add(
        time_unix_nano=START, severity_number=9, severity_text="INFO", trace_id=TRACE_ID, span_id=SPAN_ID
    )
    record.body.string_value = "done"
    return request


def valid(signal: Signal, service: str = "conformance") -> bytes:
    """A plain request of the signal."""
    return bytes(message(signal, service).SerializeToString())


def message(signal: Signal, service: str = "conformance") -> Any:
    """A plain request of the signal, unserialised."""
    return {TRACES.name: traces, METRICS.name: metrics, LOGS.name: logs}[signal.name](service)


def empty_envelopes(signal: Signal) -> tuple[bytes, bytes]:
    """A resource without scopes, and a scope without items."""
    field = signal.request().DESCRIPTOR.fields[0]
    outer = signal.request()
    getattr(outer, field.name).add()
    inner = signal.request()
    getattr(getattr(inner, field.name).add(), field.name.replace("resource_", "scope_")).add()
    return outer.SerializeToString(), inner.SerializeToString()


def every_value() -> bytes:
    """A span whose attributes have values of every kind, among them mixed arrays and an empty value."""
    request = traces()
    attributes = request.resource_spans[0].scope_spans[0].spans[0].attributes
    for number, value in enumerate(any_values()):
        attributes.add(key=f"kind-{number}").value.CopyFrom(value)
    attributes.add(key="no value at all")
    return request.SerializeToString()


def any_values() -> list[AnyValue]:
    """One value of every kind, the last an array of all the others."""
    values = [
        AnyValue(string_value="text"),
        AnyValue(string_value=""),
        AnyValue(bool_value=False),
        AnyValue(int_value=-(2**63)),
        AnyValue(double_value=float("nan")),
        AnyValue(bytes_value=b"\x00\xff"),
        AnyValue(),
    ]
    table = AnyValue()
    table.kvlist_value.values.add(key="inner").value.bytes_value = b"\x01"
    table.kvlist_value.values.add(key="empty").value.SetInParent()
    array = AnyValue()
    array.array_value.values.extend([*values, table])
    return [*values, table, array]


def with_unknown_fields() -> bytes:
    """A span with an unknown field in the request, the resource, the span and one of its values."""
    span = b"\x2a\x01n" + _wrapped(9, _wrapped(2, UNKNOWN_FIELD)) + UNKNOWN_FIELD
    envelope = _wrapped(1, UNKNOWN_FIELD) + _wrapped(2, _wrapped(2, span)) + UNKNOWN_FIELD
    return _wrapped(1, envelope) + UNKNOWN_FIELD


def unknown_enums() -> dict[str, bytes]:
    """By signal, a request whose enums have numbers without a name."""
    spans, points, records = traces(), metrics(), logs()
    span = spans.resource_spans[0].scope_spans[0].spans[0]
    span.kind, span.status.code = 77, 9  # type: ignore[assignment]
    points.resource_metrics[0].scope_metrics[0].metrics[1].sum.aggregation_temporality = 7  # type: ignore[assignment]
    records.resource_logs[0].scope_logs[0].log_records[0].severity_number = 99  # type: ignore[assignment]
    serialised = (spans.SerializeToString(), points.SerializeToString(), records.SerializeToString())
    return dict(zip((TRACES.name, METRICS.name, LOGS.name), serialised, strict=True))


def cut_off() -> bytes:
    """A valid request without its last byte."""
    return valid(TRACES)[:-1]


def nested(depth: int) -> bytes:
    """A span with an attribute that is arrays in arrays."""
    value = b""
    for _ in range(depth):
        value = _wrapped(5, _wrapped(1, value))
    return _wrapped(1, _wrapped(2, _wrapped(2, _wrapped(9, b"\x0a\x01k" + _wrapped(2, value)))))


@cache
def compressed_zeros(size: int) -> bytes:
    """A request of one log record with a body of so many bytes, in gzip: a thousandth of it."""
    record = _wrapped(5, _wrapped(1, b"0" * size))
    return gzip.compress(_wrapped(1, _wrapped(2, _wrapped(2, record))), 6)


def many_logs(size: int, each: int = 256 * 1024) -> bytes:
    """A request of about ``size`` bytes, made of small log records."""
    record = _wrapped(2, _wrapped(5, _wrapped(1, b"0" * each)))
    return _wrapped(1, _wrapped(2, record * (size // len(record))))


def one_large_log(size: int, service: str = "conformance") -> bytes:
    """Two log records, one of them with a body of so many bytes."""
    request = logs(service)
    request.resource_logs[0].scope_logs[0].log_records.add().body.string_value = "0" * size
    return request.SerializeToString()


def _attribute(resource: Any, key: str, text: str) -> None:
    resource.attributes.add(key=key).value.string_value = text


def _wrapped(field: int, inner: bytes) -> bytes:
    """A length-delimited field of the wire format."""
    length, digits = len(inner), b""
    while length > 127:
        digits += bytes([length & 127 | 128])
        length >>= 7
    return bytes([field << 3 | 2]) + digits + bytes([length]) + inner
