"""The requests that the lines send, in OTLP/JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

from conformance.signals import LOGS, METRICS, TRACES, Signal
from conformance.telemetry import END, PARENT_ID, SPAN_ID, START, TRACE_ID

NANOS = str(START)
# The two ids as protobuf's own mapping would write them; "+" and "=" are no hex digits.
BASE64_TRACE_ID = base64.b64encode(TRACE_ID).decode()
BASE64_SPAN_ID = base64.b64encode(SPAN_ID).decode()


def dumped(value: Any) -> bytes:
    """Compact JSON; NaN is written as Python writes it, which is not valid JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def span(**fields: Any) -> dict[str, Any]:
    """A span, with ``fields`` in place of its own; None leaves one out."""
    own = {
        "traceId": TRACE_ID.hex(),
        "spanId": SPAN_ID.hex(),
        "parentSpanId": PARENT_ID.hex(),
        "name": "GET /",
        "kind": 2,
        "startTimeUnixNano": NANOS,
        "endTimeUnixNano": str(END),
        "status": {"code": 1},
        "links": [{"traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex()}],
        "events": [{"name": "read", "timeUnixNano": NANOS}],
    }
    return {name: value for name, value in {**own, **fields}.items() if value is not None}


def traces(service: str = "conformance", resource: Any = None, **fields: Any) -> bytes:
    """A request of one span with ``fields``."""
    return dumped(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": [attribute("service.name", service)], **(resource or {})},
                    "scopeSpans": [{"scope": {"name": "conformance"}, "spans": [span(**fields)]}],
                }
            ]
        }
    )


def attribute(key: str, text: str) -> dict[str, Any]:
    """An attribute with a string."""
    return {"key": key, "value": {"stringValue": text}}


def with_value(value: Any) -> bytes:
    """A request of one span with an attribute of that value."""
    return traces(attributes=[{"key": "k", "value": value}])


def metrics(service: str = "conformance", **fields: Any) -> bytes:
    """A request of one data point of a sum with ``fields``, and an exemplar."""
    exemplar = {"timeUnixNano": NANOS, "asDouble": 0.25, "traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex()}
    own = {"startTimeUnixNano": NANOS, "timeUnixNano": str(END), "asInt": "-7", "exemplars": [exemplar]}
    point = {name: value for name, value in {**own, **fields}.items() if value is not None}
    total = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}
    return _metrics(service, [{"name": "sum", "unit": "1", "sum": total}])


def every_metric() -> bytes:
    """Each of the other four kinds of metric once, their whole numbers as strings."""
    times = {"startTimeUnixNano": NANOS, "timeUnixNano": str(END)}
    histogram = {"count": "3", "sum": 4.5, "bucketCounts": ["1", "2"], "explicitBounds": [1.0], **times}
    exponential = {
        "count": "2",
        "scale": 1,
        "zeroCount": "1",
        "positive": {"offset": 0, "bucketCounts": ["1"]},
        **times,
    }
    summary = {"count": "2", "sum": 2.0, "quantileValues": [{"quantile": 0.5, "value": 1.0}], **times}
    return _metrics(
        "conformance",
        [
            {"name": "gauge", "gauge": {"dataPoints": [{"asDouble": 0.5, **times}]}},
            {"name": "histogram", "histogram": {"aggregationTemporality": 1, "dataPoints": [histogram]}},
            {"name": "e", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [exponential]}},
            {"name": "summary", "summary": {"dataPoints": [summary]}},
        ],
    )


def logs(service: str = "conformance", **fields: Any) -> bytes:
    """A request of one log record with ``fields``."""
    own = {
        "timeUnixNano": NANOS,
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {"stringValue": "done"},
        "traceId": TRACE_ID.hex(),
        "spanId": SPAN_ID.hex(),
    }
    record = {name: value for name, value in {**own, **fields}.items() if value is not None}
    resource = {"attributes": [attribute("service.name", service)]}
    return dumped({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]})


def valid(signal: Signal, service: str = "conformance") -> bytes:
    """A plain request of the signal."""
    return {TRACES.name: traces, METRICS.name: metrics, LOGS.name: logs}[signal.name](service)


def every_value() -> bytes:
    """A span whose attributes have values of every kind."""
    values = [
        {"stringValue": "text \u00e4 \U0001f600"},
        {"boolValue": False},
        {"intValue": str(-(2**63))},
        {"doubleValue": 1.5},
        {"bytesValue": "AP8="},
        {},
    ]
    table = {"kvlistValue": {"values": [{"key": "inner", "value": {"bytesValue": ""}}, {"key": "empty"}]}}
    array = {"arrayValue": {"values": [*values, table]}}
    kinds = [*values, table, array]
    return traces(attributes=[{"key": f"kind-{number}", "value": value} for number, value in enumerate(kinds)])


def with_unknown_fields() -> bytes:
    """Unknown names, with values of each kind of JSON, in the request, the resource and the span."""
    strange: dict[str, Any] = {
        "newText": "a",
        "newNumber": 1.5,
        "newFlag": True,
        "newNothing": None,
        "newList": [{"a": [1]}, "b"],
    }
    strange["newObject"] = {"traceId": "no id"}
    request = json.loads(traces(resource=strange, **strange))
    return dumped({**request, **strange})


def with_null_fields() -> dict[str, bytes]:
    """By the field's name, a span with that field null, which means the same as a missing field."""
    requests = {}
    for name in ("attributes", "links", "events", "status", "kind", "name", "traceState", "parentSpanId", "flags"):
        request = json.loads(traces())
        request["resourceSpans"][0]["scopeSpans"][0]["spans"][0][name] = None
        requests[name] = dumped(request)
    request = json.loads(traces())
    request["resourceSpans"][0].update(resource=None, schemaUrl=None)
    return {**requests, "resource and schemaUrl": dumped(request)}


def nested(depth: int) -> bytes:
    """A span with an attribute that is arrays in arrays."""
    before, after = b'{"arrayValue":{"values":[' * depth, b"]}}" * depth
    return with_value("HERE").replace(b'"HERE"', before + b"{}" + after)


def _metrics(service: str, found: list[Any]) -> bytes:
    resource = {"attributes": [attribute("service.name", service)]}
    return dumped({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": found}]}]})
