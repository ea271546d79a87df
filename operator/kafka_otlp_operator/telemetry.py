"""The operator's own metrics, and its log: one JSON object a line. Called by ``controller`` and ``__main__``."""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """What the operator counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = Counter(
            "kafka_otlp_operator_reconciles",
            "Resources that were looked at, by how it ended: done, failed (is tried again) or crashed (a bug).",
            ["result"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "kafka_otlp_operator_reconcile_seconds", "Time that one reconcile took.", registry=self.registry
        )
        self.status_writes = Counter(
            "kafka_otlp_operator_status_writes", "Times that a status was written.", registry=self.registry
        )
        self.depth = Gauge("kafka_otlp_operator_queue_depth", "Resources that wait.", registry=self.registry)
        self.resources = Gauge(
            "kafka_otlp_operator_resources", "Resources that the last resync found.", registry=self.registry
        )
        self.resyncs = Counter(
            "kafka_otlp_operator_resyncs", "Resyncs, by how they ended.", ["result"], registry=self.registry
        )


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
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line for each event, and nothing in it
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
