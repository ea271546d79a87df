"""The operator's own metrics, and its log: one JSON object a line."""

from __future__ import annotations

import logging
import sys
from functools import partial

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_NAMESPACE = "kafka_otlp_operator"


class Metrics:
    """The metrics, in a registry of their own. The values of each label are few and fixed, or kinds and codes of the API."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, namespace=_NAMESPACE, registry=self.registry)
        gauge = partial(Gauge, namespace=_NAMESPACE, registry=self.registry)
        histogram = partial(Histogram, namespace=_NAMESPACE, registry=self.registry)
        self.reconciles = counter(
            "reconciles",
            "Reconciles, by `result`: `done`, `failed` (will be tried again) or `crashed` (a bug).",
            ["result"],
        )
        self.failures = counter(
            "failures",
            "Reconciles that will be tried again, by `kind`: the type of the error, such as `Forbidden`, `Conflict`, `NotYet`.",
            ["kind"],
        )
        self.seconds = histogram("reconcile_seconds", "Seconds that one reconcile took.")
        self.status_writes = counter("status_writes", "Times that a status was written.")
        self.events = counter("events_unposted", "Events that could not be posted.")
        self.requests = counter(
            "api_requests",
            "Requests to the API server, by `method` and `code`: the status of the answer, or `none` without an answer. "
            "The requests of kopf's watches are not counted.",
            ["method", "code"],
        )
        self.depth = gauge("queue_depth", "Resources that wait for their turn.")
        self.oldest = gauge("queue_oldest_seconds", "Seconds that the oldest waiting resource has waited.")
        self.resources = gauge(
            "resources",
            "Resources, by `ready`: the status of their condition Ready, `True`, `False` or `Unknown`.",
            ["ready"],
        )
        self.resyncs = counter("resyncs", "Resyncs, by `result`: `done` or `failed`.", ["result"])
        self.resync_age = gauge("resync_age_seconds", "Seconds since all resources were listed.")
        self.leader = gauge("leader", "1 when this process leads, 0 when it is a standby.")

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
