"""The exporter's metrics, one row each: from these come the objects of ``telemetry`` and the page docs/metrics.md. Pure.

Every label has a closed set of values, so an exporter has a bounded number of series, and each is there from the start.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Reason

PREFIX = "kafka_otlp_exporter_"


class Kind(StrEnum):
    """Prometheus' kinds of metrics."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Across(StrEnum):
    """What one value of several processes is: counters and histograms are always sums."""

    SUM = "sum"
    LEAST = "least"
    MOST = "most"


@dataclass(frozen=True)
class Metric:
    """One metric.

    ``name`` is without prefix and without the ``_total`` of a counter; ``labels`` has the values of each; ``read`` is
    whether others keep the value and it is read at each scrape.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    read: bool = False
    across: Across = Across.SUM

    @property
    def shown(self) -> str:
        """``kafka_otlp_exporter_requests_total``."""
        return PREFIX + self.name + ("_total" if self.kind is Kind.COUNTER else "")

    @property
    def series(self) -> Iterator[tuple[str, ...]]:
        """The values of the labels, of every series that there is."""
        return itertools.product(*self.labels.values())


_SIGNAL = {"signal": tuple(Signal)}
_TAKEN = ("delivered", "failed")
RELOADED = ("credentials", "otlp_grpc_tls", "otlp_http_tls", "otlp_bearer_token")

# In seconds; from a broker next door to the default of requestTimeout.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_ROWS = (
    Metric(
        "requests",
        Kind.COUNTER,
        "requests",
        "Export requests answered: delivered, delivered in part (`partial`), refused for good (`invalid`), refused for "
        "want of a bearer token (`unauthenticated`), or told to come again (`unavailable`).",
        _SIGNAL | {"outcome": ("delivered", "partial", "invalid", "unauthenticated", "unavailable")},
    ),
    Metric("received_bytes", Kind.COUNTER, "bytes", "Bytes of requests that were read, after decompression.", _SIGNAL),
    Metric(
        "items",
        Kind.COUNTER,
        "items",
        "Spans, metrics and log records of requests that went to Kafka: delivered, or told to come again. Data points "
        "are not counted, for telling them apart costs a third of a request; a metric that lost some of them counts as "
        "delivered.",
        {"item": ("span", "metric", "log_record"), "outcome": ("delivered", "unavailable")},
    ),
    Metric(
        "rejected_items",
        Kind.COUNTER,
        "items",
        "Spans, data points and log records that can never be accepted, though the rest of their request was: one that "
        "fits into no record (`oversized`), or in records that repeat too much of a large resource (`surplus`).",
        _SIGNAL | {"reason": ("oversized", "surplus")},
    ),
    Metric("split_requests", Kind.COUNTER, "requests", "Requests that became more than one record.", _SIGNAL),
    Metric(
        "records",
        Kind.COUNTER,
        "records",
        "Kafka records by what Kafka said of them, also when it said it after the client was answered.",
        _SIGNAL | {"outcome": _TAKEN},
    ),
    Metric(
        "record_bytes",
        Kind.COUNTER,
        "bytes",
        "Bytes of the values of these records, before compression.",
        _SIGNAL | {"outcome": _TAKEN},
    ),
    Metric(
        "unavailable",
        Kind.COUNTER,
        "requests",
        "Requests that were told to come again, by reason.",
        {"reason": tuple(Reason)},
    ),
    Metric(
        "acknowledgement_seconds",
        Kind.HISTOGRAM,
        "seconds",
        "Time from a request's arrival to its answer, of requests that went to Kafka.",
        _SIGNAL,
    ),
    Metric(
        "in_flight_bytes",
        Kind.GAUGE,
        "bytes",
        "Bytes that requests hold, from before they are read until Kafka has taken or refused them.",
        read=True,
    ),
    Metric(
        "in_flight_limit_bytes",
        Kind.GAUGE,
        "bytes",
        "Bytes that requests may hold: three quarters of --max-in-flight-bytes, the fourth is for open calls.",
        read=True,
    ),
    Metric("open_calls", Kind.GAUGE, "calls", "Export calls that have begun and not ended.", read=True),
    Metric("waiting_calls", Kind.GAUGE, "calls", "Open calls that wait for bytes to become free.", read=True),
    Metric("producer_queue_records", Kind.GAUGE, "records", "Records that librdkafka holds.", read=True),
    Metric("producer_queue_bytes", Kind.GAUGE, "bytes", "Bytes of the records that librdkafka holds.", read=True),
    Metric(
        "producer_rebuilds",
        Kind.COUNTER,
        "producers",
        "Producers that were replaced after a fatal error.",
        read=True,
    ),
    Metric(
        "kafka_connected",
        Kind.GAUGE,
        "boolean",
        "1 when a broker is connected; of several workers, when each has one.",
        read=True,
        across=Across.LEAST,
    ),
    Metric("kafka_connections", Kind.GAUGE, "connections", "Brokers that are connected, of each worker.", read=True),
    Metric("kafka_requests", Kind.COUNTER, "requests", "Requests sent to brokers.", read=True),
    Metric("kafka_request_retries", Kind.COUNTER, "requests", "Requests to brokers that were repeated.", read=True),
    Metric("kafka_request_errors", Kind.COUNTER, "requests", "Requests to brokers that could not be sent.", read=True),
    Metric("kafka_request_timeouts", Kind.COUNTER, "requests", "Requests that no broker answered in time.", read=True),
    Metric(
        "reloads",
        Kind.COUNTER,
        "reloads",
        "Changes of files that each worker took up (`taken`) or could not use (`refused`): the credentials folder, the "
        "certificates of the OTLP ports, the bearer tokens.",
        {"what": RELOADED, "outcome": ("taken", "refused")},
    ),
    Metric("workers", Kind.GAUGE, "processes", "Processes that serve."),
    Metric("worker_restarts", Kind.COUNTER, "processes", "Workers that ended by themselves and were started again."),
)

METRICS: Mapping[str, Metric] = {row.name: row for row in _ROWS}

# Its labels say what runs, so they have no closed set of values; there is one series.
BUILD = Metric(
    "build_info",
    Kind.GAUGE,
    "info",
    "1; its labels are the versions of the exporter and of librdkafka.",
    {"version": (), "librdkafka": ()},
    across=Across.MOST,
)

# What the Prometheus client shows of a process.
PROCESS: Mapping[str, tuple[Across, str]] = {
    "process_cpu_seconds_total": (Across.SUM, "CPU time."),
    "process_resident_memory_bytes": (Across.SUM, "Memory; what processes share is counted in each."),
    "process_virtual_memory_bytes": (Across.SUM, "Address space."),
    "process_start_time_seconds": (Across.LEAST, "When the first of them started, in Unix time."),
    "process_open_fds": (Across.MOST, "Open files of the one that has most."),
    "process_max_fds": (Across.LEAST, "Files that a process may have open."),
}
