"""The three signals, as OTLP names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace

from conformance.table import Finding


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal: its gRPC ``method``, its HTTP ``path``, and ``rejected``, the name of the count in its partial success."""

    name: str
    method: str
    path: str
    request: Callable[[], Any]
    response: Any
    rejected: str

    def answer(self, body: bytes) -> Any:
        """The response in protobuf. Raises Finding when the bytes are no response."""
        try:
            return self.response.FromString(body)
        except DecodeError:
            raise Finding(f"{self.name}: {len(body)} bytes that are no {self.response.DESCRIPTOR.name}") from None


_SERVICE = "/opentelemetry.proto.collector.{0}.v1.{1}Service/Export"
TRACES = Signal(
    "traces",
    _SERVICE.format("trace", "Trace"),
    "/v1/traces",
    trace.ExportTraceServiceRequest,
    trace.ExportTraceServiceResponse,
    "rejected_spans",
)
METRICS = Signal(
    "metrics",
    _SERVICE.format("metrics", "Metrics"),
    "/v1/metrics",
    metrics.ExportMetricsServiceRequest,
    metrics.ExportMetricsServiceResponse,
    "rejected_data_points",
)
LOGS = Signal(
    "logs",
    _SERVICE.format("logs", "Logs"),
    "/v1/logs",
    logs.ExportLogsServiceRequest,
    logs.ExportLogsServiceResponse,
    "rejected_log_records",
)
SIGNALS = (TRACES, METRICS, LOGS)
