"""The three signals of OTLP, one row each: service, messages, topic option, and where the items are. Pure.

This is the only module that imports the OTLP protobuf packages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from kafka_otlp_exporter.config.values import Format

__all__ = ["CONTENT_TYPES", "ID_BYTES", "SIGNALS", "ItemPath", "Resource", "Signal", "SignalRow"]

# OTLP specification, "OTLP/HTTP": the media types of its two encodings.
CONTENT_TYPES: Mapping[Format, str] = {
    Format.PROTOBUF: "application/x-protobuf",
    Format.JSON: "application/json",
}

# The fields that OTLP/JSON writes as hex in every message (spans, links, log records, exemplars), and their sizes in bytes.
ID_BYTES: Mapping[str, int] = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}

# Field numbers that lead from a request to its items, one set for each step; any number of a set is followed.
ItemPath = tuple[frozenset[int], ...]


class Signal(StrEnum):
    """A kind of telemetry. The value is used in the HTTP path, in the record header ``otlp.signal`` and in metrics."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"


@dataclass(frozen=True)
class SignalRow:
    """One signal.

    ``method`` is the gRPC path; ``request`` and ``response`` are the messages of its Export call; ``topic_option``,
    ``resource_option`` and ``trace_option`` are the rows that choose its topic, and whether its records are keyed by
    resource or by trace id; ``item_path`` holds the field numbers that lead from the request to its items
    (opentelemetry-proto, ``resource_spans`` and so on), and ``trace_id`` is the number of an item's trace id;
    ``rejected_field`` counts items in ``partial_success``; ``items`` is their name in a sentence.
    """

    method: str
    request: type[Message]
    response: type[Message]
    topic_option: str
    resource_option: str
    trace_option: str | None
    item_path: ItemPath
    trace_id: int | None
    rejected_field: str
    items: str

    def partial_success(self, rejected: int, message: str) -> bytes:
        """The serialised response that says how many items were rejected, and why."""
        success: Any = {self.rejected_field: rejected, "error_message": message}
        return self.response(partial_success=success).SerializeToString()


_SERVICE = "/opentelemetry.proto.collector."
_LEAVES = (frozenset({1}), frozenset({2}), frozenset({2}))
# Metric's oneof data: gauge, sum, histogram, exponential_histogram, summary; data_points is field 1 of each.
_POINTS = (*_LEAVES, frozenset({5, 7, 9, 10, 11}), frozenset({1}))

SIGNALS: Mapping[Signal, SignalRow] = {
    Signal.TRACES: SignalRow(
        method=_SERVICE + "trace.v1.TraceService/Export",
        request=trace.ExportTraceServiceRequest,
        response=trace.ExportTraceServiceResponse,
        topic_option="traces_topic",
        resource_option="partition_traces_by_resource_attributes",
        trace_option="partition_traces_by_trace_id",
        item_path=_LEAVES,
        trace_id=1,
        rejected_field="rejected_spans",
        items="spans",
    ),
    Signal.METRICS: SignalRow(
        method=_SERVICE + "metrics.v1.MetricsService/Export",
        request=metrics.ExportMetricsServiceRequest,
        response=metrics.ExportMetricsServiceResponse,
        topic_option="metrics_topic",
        resource_option="partition_metrics_by_resource_attributes",
        trace_option=None,
        item_path=_POINTS,
        trace_id=None,
        rejected_field="rejected_data_points",
        items="data points",
    ),
    Signal.LOGS: SignalRow(
        method=_SERVICE + "logs.v1.LogsService/Export",
        request=logs.ExportLogsServiceRequest,
        response=logs.ExportLogsServiceResponse,
        topic_option="logs_topic",
        resource_option="partition_logs_by_resource_attributes",
        trace_option="partition_logs_by_trace_id",
        item_path=_LEAVES,
        trace_id=9,
        rejected_field="rejected_log_records",
        items="log records",
    ),
}
