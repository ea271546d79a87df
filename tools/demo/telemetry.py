"""Sends the telemetry of one purchase in a shop with the OpenTelemetry SDK, through its real pipelines, over OTLP/gRPC."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode

from tools.demo import items
from tools.demo.items import Item

RUN = "demo.run"

_TIMEOUT_SECONDS = 10


@dataclass
class Sent:
    """All items that were sent, and the signals with a request that was not answered OK."""

    items: Counter[Item] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)


def send(endpoint: str, run: str) -> Sent:
    """Send traces, metrics and logs to ``host:port``, each in its own calls, and wait for the answers.

    ``run`` becomes an attribute of the resource, which tells this run's records from others in the same topic.
    """
    # The SDK would log a failed export; here ``refused`` holds it.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    sent = Sent()
    resource = Resource({"service.name": "shop", "service.version": "1.4.2", RUN: run})
    tracing, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(_Spans(endpoint, sent)))
    logs.add_log_record_processor(BatchLogRecordProcessor(_Logs(endpoint, sent)))
    hourly = PeriodicExportingMetricReader(_Points(endpoint, sent), export_interval_millis=3_600_000)
    metrics = MeterProvider([hourly], resource=resource)
    _one_purchase(tracing, logs)
    _one_minute(metrics)
    for provider in (tracing, metrics, logs):
        provider.shutdown()
    return sent


def _one_purchase(tracing: TracerProvider, logs: LoggerProvider) -> None:
    tracer, logger = tracing.get_tracer("shop.checkout"), logs.get_logger("shop.checkout")
    opened = time.time_ns()
    logger.emit(body="shop is open", severity_number=SeverityNumber.INFO, severity_text="INFO", timestamp=opened)
    attributes: dict[str, str | int] = {
        "http.request.method": "POST",
        "url.path": "/checkout",
        "http.response.status_code": 200,
    }
    with tracer.start_as_current_span("POST /checkout", kind=SpanKind.SERVER, attributes=attributes):
        with tracer.start_as_current_span("load cart") as cart:
            cart.set_attributes({"cart.items": ["tea", "cup", "saucer"], "cart.total": 31.9, "cart.gift": False})
        with tracer.start_as_current_span("charge card", kind=SpanKind.CLIENT) as charge:
            charge.add_event("retry", {"attempt": 2})
            charge.set_status(Status(StatusCode.ERROR, "card service answered late"))
            logger.emit(
                body="card service answered late",
                severity_number=SeverityNumber.WARN,
                severity_text="WARN",
                attributes={"attempt": 2, "waited.seconds": 1.25},
                context=trace.set_span_in_context(charge),
            )
        with tracer.start_as_current_span("send receipt", kind=SpanKind.PRODUCER):
            pass
    logger.emit(body="order 4711 placed", severity_number=SeverityNumber.INFO, severity_text="INFO")


def _one_minute(metrics: MeterProvider) -> None:
    meter = metrics.get_meter("shop.checkout")
    orders = meter.create_counter("orders", unit="{order}", description="Orders placed.")
    orders.add(3, {"country": "NO"})
    orders.add(5, {"country": "JP"})
    meter.create_up_down_counter("carts.open", unit="{cart}").add(7)
    meter.create_gauge("stock.temperature", unit="Cel").set(18.5, {"room": "tea"})
    duration = meter.create_histogram("checkout.duration", unit="s", description="Time from cart to receipt.")
    for seconds in (0.021, 0.034, 0.3, 1.7):
        duration.record(seconds)


def _address(endpoint: str) -> str:
    return f"http://{endpoint}"


class _Spans(OTLPSpanExporter):
    def __init__(self, endpoint: str, sent: Sent) -> None:
        super().__init__(_address(endpoint), insecure=True, timeout=_TIMEOUT_SECONDS)
        self._sent = sent

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._sent.items.update(items.sent_spans(spans))
        if (result := super().export(spans)) is not SpanExportResult.SUCCESS:
            self._sent.refused.add("traces")
        return result


class _Points(OTLPMetricExporter):
    def __init__(self, endpoint: str, sent: Sent) -> None:
        super().__init__(_address(endpoint), insecure=True, timeout=_TIMEOUT_SECONDS)
        self._sent = sent

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = _TIMEOUT_SECONDS * 1000, **kwargs: object
    ) -> MetricExportResult:
        self._sent.items.update(items.sent_points(metrics_data))
        result = super().export(metrics_data, timeout_millis, **kwargs)
        if result is not MetricExportResult.SUCCESS:
            self._sent.refused.add("metrics")
        return result


class _Logs(OTLPLogExporter):
    def __init__(self, endpoint: str, sent: Sent) -> None:
        super().__init__(_address(endpoint), insecure=True, timeout=_TIMEOUT_SECONDS)
        self._sent = sent

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        self._sent.items.update(items.sent_logs(batch))
        if (result := super().export(batch)) is not LogRecordExportResult.SUCCESS:
            self._sent.refused.add("logs")
        return result
