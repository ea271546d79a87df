"""The operator's own metrics, and its log: one JSON object a line."""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The metrics, in a registry of their own. The values of each label are few and fixed, or kinds and codes of the API."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = Counter(
            "kafka_otlp_operator_reconciles",
            "Reconciles, by `result`: `done`, `failed` (will be tried again) or `crashed` (a bug).",
            ["result"],
            registry=self.registry,
        )
        self.failures = Counter(
            "kafka_otlp_operator_failures",
            "Reconciles that will be tried again, by `kind`: the type of the error, such as `Forbidden`, `Conflict`, `NotYet`.",
            ["kind"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "kafka_otlp_operator_reconcile_seconds", "Seconds that one reconcile took.", registry=self.registry
        )
        self.status_writes = Counter(
            "kafka_otlp_operator_status_writes", "Times that a status was written.", registry=self.registry
        )
        self.events = Counter(
            "kafka_otlp_operator_events_unposted", "Events that could not be posted.", registry=self.registry
        )
        self.requests = Counter(
            "kafka_otlp_operator_api_requests",
            "Requests to the API server, by `method` and `code`: the status of the answer, or `none` without an answer. "
            "The requests of kopf's watches are not counted.",
            ["method", "code"],
            registry=self.registry,
        )
        self.depth = Gauge(
            "kafka_otlp_operator_queue_depth", "Resources that wait for their turn.", registry=self.registry
        )
        self.oldest = Gauge(
            "kafka_otlp_operator_queue_oldest_seconds",
            "Seconds that the oldest waiting resource has waited.",
            registry=self.registry,
        )
        self.resources = Gauge(
            "kafka_otlp_operator_resources",
            "Resources, by `ready`: the status of their condition Ready, `True`, `False` or `Unknown`.",
            ["ready"],
            registry=self.registry,
        )
        self.resyncs = Counter(
            "kafka_otlp_operator_resyncs",
            "Resyncs, by `result`: `done` or `failed`.",
            ["result"],
            registry=self.registry,
        )
        self.resync_age = Gauge(
            "kafka_otlp_operator_resync_age_seconds", "Seconds since all resources were listed.", registry=self.registry
        )
        self.leader = Gauge(
            "kafka_otlp_operator_leader", "1 when this process leads, 0 when it is a standby.", registry=self.registry
        )

    def count_request(self, method: str, code: int | None) -> None:
        """Count one request to the API server and the status of its answer; None: there was no answer."""
        self.requests.labels(method, "none" if code is None else str(code)).inc()


def configure_log() -> None:
    """Make every log line of this process one JSON object on stderr, those of libraries included."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it logs each of its retries; we log how the call ended
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # it logs a line without information for each event
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
