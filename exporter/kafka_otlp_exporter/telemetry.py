"""The exporter's telemetry of its own: Prometheus metrics with bounded labels, and structured logs on stderr.

``pipeline`` and ``receiver`` count, ``admin`` shows. No log line and no metric holds a payload or a credential.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Reason, Unauthenticated, Unavailable
from kafka_otlp_exporter.signals import Signal

log: structlog.stdlib.BoundLogger = structlog.get_logger("kafka_otlp_exporter")

PREFIX = "kafka_otlp_exporter_"

# A broker that is away fails thousands of requests a second: one line for each cause in this time says it.
_QUIET_SECONDS = 30.0

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def configure_logging() -> None:
    """Write one JSON object a line to stderr, for our own events and those of librdkafka and the event loop."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("librdkafka").addFilter(_Seldom())


class _Seldom(logging.Filter):
    """Lets each line of librdkafka through once in a while: it repeats a failure with every attempt to connect."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        # Ports, durations and counters differ from one attempt to the next.
        kind = re.sub(r"[0-9]+", "", record.getMessage())[:200]
        now = time.monotonic()
        if now - self._said.get(kind, float("-inf")) < _QUIET_SECONDS:
            return False
        self._said[kind] = now
        return True


class _Rebuilds(Collector):
    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            PREFIX + "producer_rebuilds", "Producers replaced after a fatal error.", value=self._read()
        )


class _Voice:
    """Says each thing at most once in a while, and how often it was not said."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def warn(self, event: str, key: str, **fields: object) -> None:
        now = time.monotonic()
        if now - self._said.get(key, float("-inf")) < _QUIET_SECONDS:
            self._unsaid[key] = self._unsaid.get(key, 0) + 1
            return
        self._said[key] = now
        log.warning(event, **fields, unsaid=self._unsaid.pop(key, 0))


class Telemetry:
    """The metrics of one exporter process, and the last request that was told to come again."""

    def __init__(self) -> None:
        self.last_failure: tuple[datetime, Unavailable] | None = None
        self._voice = _Voice()
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        answers = Counter(
            PREFIX + "requests",
            "Requests answered, by signal and outcome.",
            ["signal", "outcome"],
            registry=self.registry,
        )
        received = Counter(
            PREFIX + "received_bytes",
            "Bytes of requests read, after decompression.",
            ["signal"],
            registry=self.registry,
        )
        latency = Histogram(
            PREFIX + "acknowledgement_seconds",
            "Time from a request's arrival to its answer, of requests that went to Kafka.",
            ["signal"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        unavailable = Counter(
            PREFIX + "unavailable",
            "Requests that were told to come again, by reason.",
            ["reason"],
            registry=self.registry,
        )
        rejected = Counter(
            PREFIX + "rejected_items", "Items that can never be accepted.", ["signal"], registry=self.registry
        )
        self._reloads = Counter(
            PREFIX + "reloads",
            "Times that files of certificates or tokens changed, by what they are and whether they could be used.",
            ["what", "usable"],
            registry=self.registry,
        )
        # Children are looked up once here: labels() costs more than the increment.
        self._answers = {
            (signal, outcome): answers.labels(signal.value, outcome)
            for signal in Signal
            for outcome in ("delivered", "partial", "invalid", "unauthenticated", "unavailable")
        }
        self._received = {signal: received.labels(signal.value) for signal in Signal}
        self._latency = {signal: latency.labels(signal.value) for signal in Signal}
        self._unavailable = {reason: unavailable.labels(reason.value) for reason in Reason}
        self._rejected = {signal: rejected.labels(signal.value) for signal in Signal}

    def observe(
        self, in_flight_bytes: Callable[[], int], connected: Callable[[], bool], rebuilds: Callable[[], int]
    ) -> None:
        """Show what others keep, read at each scrape."""
        Gauge(
            PREFIX + "in_flight_bytes", "Bytes taken from --max-in-flight-bytes.", registry=self.registry
        ).set_function(in_flight_bytes)
        Gauge(PREFIX + "kafka_connected", "1 when a broker is connected.", registry=self.registry).set_function(
            connected
        )
        self.registry.register(_Rebuilds(rebuilds))

    def count_request(self, signal: Signal, size: int) -> None:
        """A request of ``size`` bytes was read."""
        self._received[signal].inc(size)

    def count_answer(self, signal: Signal, outcome: Outcome, seconds: float | None) -> None:
        """A request was answered, ``seconds`` after its arrival when it went to Kafka."""
        if isinstance(outcome, Delivered):
            name = "delivered" if outcome.rejected is None else "partial"
            if outcome.rejected is not None:
                self._rejected[signal].inc(outcome.rejected.items)
                self._voice.warn("items_rejected", signal.value, signal=signal.value, message=outcome.rejected.message)
        elif isinstance(outcome, Invalid):
            name = "unauthenticated" if isinstance(outcome, Unauthenticated) else "invalid"
            self._voice.warn(f"request_{name}", f"{name} {signal}", signal=signal.value, message=outcome.message)
        else:
            name = "unavailable"
            self._unavailable[outcome.reason].inc()
            self.last_failure = (datetime.now(UTC), outcome)
            self._voice.warn(
                "request_unavailable",
                outcome.reason,
                signal=signal.value,
                reason=outcome.reason,
                message=outcome.message,
            )
        self._answers[signal, name].inc()
        if seconds is not None:
            self._latency[signal].observe(seconds)

    def count_reload(self, what: str, *, usable: bool) -> None:
        """Files of certificates or tokens have changed."""
        self._reloads.labels(what, str(usable).lower()).inc()

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
