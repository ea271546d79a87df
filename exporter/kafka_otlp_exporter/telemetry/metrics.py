"""The exporter's metrics, one row each; the metric objects and the page docs/metrics.md are made from the rows. Pure.

Every label has a closed set of values: the number of series is bounded, and each series exists from the start.
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
    """How the values of several processes become one. Counters and histograms are always added up."""

    SUM = "sum"
    LEAST = "least"
    MOST = "most"


class Phase(StrEnum):
    """How far a call had come when its client left it."""

    READING = "reading"
    ACKNOWLEDGING = "acknowledging"


@dataclass(frozen=True)
class Metric:
    """One metric.

    ``name`` has neither the prefix nor the ``_total`` of a counter. ``labels`` maps each label to its values. ``read``
    means that another module holds the value, which is read at each scrape. ``across`` is for several workers.
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
        """The full name, such as ``kafka_otlp_exporter_requests_total``."""
        return PREFIX + self.name + ("_total" if self.kind is Kind.COUNTER else "")

    @property
    def series(self) -> Iterator[tuple[str, ...]]:
        """The label values of every series."""
        return itertools.product(*self.labels.values())


_SIGNAL = {"signal": tuple(Signal)}
_TAKEN = ("delivered", "failed")
RELOADED = ("credentials", "otlp_grpc_tls", "otlp_http_tls", "otlp_bearer_token")

# In seconds: from a broker in the same rack to the default of requestTimeout.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_ROWS = (
    Metric(
        "requests",
        Kind.COUNTER,
        "requests",
        "Answered Export requests: delivered, delivered in part (`partial`), permanently refused (`invalid`), refused "
        "because of a missing or wrong bearer token (`unauthenticated`), or told to retry (`unavailable`).",
        _SIGNAL | {"outcome": ("delivered", "partial", "invalid", "unauthenticated", "unavailable")},
    ),
    Metric(
        "abandoned_calls",
        Kind.COUNTER,
        "calls",
        "Calls that ended before their answer, because the client cancelled them, closed the connection, or let its deadline "
        "pass: before the request was read (`reading`), or while Kafka had not acknowledged (`acknowledging`). Counted at once.",
        _SIGNAL | {"phase": tuple(Phase)},
    ),
    Metric(
        "abandoned_requests",
        Kind.COUNTER,
        "requests",
        "What became of the requests of calls that were abandoned while `acknowledging`, when it is known. Each is counted in "
        "`requests_total` too. Clients send such requests again, so `delivered` ones are probably in Kafka twice; "
        "`unavailable` is what the client would have been told at `requestTimeout`.",
        _SIGNAL | {"outcome": ("delivered", "partial", "invalid", "unavailable")},
    ),
    Metric("received_bytes", Kind.COUNTER, "bytes", "Bytes of requests that were read, after decompression.", _SIGNAL),
    Metric(
        "items",
        Kind.COUNTER,
        "items",
        "Spans, metrics and log records of requests that went to Kafka: delivered, or told to retry. Data points are "
        "not counted, because finding them costs a third of a request's CPU time; a metric that lost some of its data "
        "points counts as delivered.",
        {"item": ("span", "metric", "log_record"), "outcome": ("delivered", "unavailable")},
    ),
    Metric(
        "rejected_items",
        Kind.COUNTER,
        "items",
        "Spans, data points and log records that can never be accepted, while the rest of their request was. An item fits into "
        "no record (`oversized`), would repeat too much of a large resource (`surplus`), or cannot be read or breaks a rule of "
        "OTLP (`flawed`).",
        _SIGNAL | {"reason": ("oversized", "surplus", "flawed")},
    ),
    Metric(
        "repaired_strings",
        Kind.COUNTER,
        "strings",
        "Strings that were no UTF-8. What is ill-formed in them became U+FFFD, and their items were delivered.",
        _SIGNAL,
    ),
    Metric("split_requests", Kind.COUNTER, "requests", "Requests that became more than one record.", _SIGNAL),
    Metric(
        "records",
        Kind.COUNTER,
        "records",
        "Kafka records by Kafka's answer, also when it came after the answer to the client.",
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
        "Requests that were told to retry, by reason.",
        {"reason": tuple(Reason)},
    ),
    Metric(
        "acknowledgement_seconds",
        Kind.HISTOGRAM,
        "seconds",
        "Time from the arrival of a request that went to Kafka to its answer.",
        _SIGNAL,
    ),
    Metric(
        "in_flight_bytes",
        Kind.GAUGE,
        "bytes",
        "Bytes that requests hold: reserved before a request is read, released when Kafka has accepted or refused it.",
        read=True,
    ),
    Metric(
        "in_flight_limit_bytes",
        Kind.GAUGE,
        "bytes",
        "Bytes that requests may hold: three quarters of --max-in-flight-bytes. The last quarter is for open calls.",
        read=True,
    ),
    Metric("open_calls", Kind.GAUGE, "calls", "Export calls that have begun and have not ended.", read=True),
    Metric("waiting_calls", Kind.GAUGE, "calls", "Open calls that wait for free bytes.", read=True),
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
        "1 when a broker is connected; with several workers, when each worker has such a connection.",
        read=True,
        across=Across.LEAST,
    ),
    Metric("kafka_connections", Kind.GAUGE, "connections", "Connected brokers, added up over the workers.", read=True),
    Metric("kafka_requests", Kind.COUNTER, "requests", "Requests sent to brokers.", read=True),
    Metric("kafka_request_retries", Kind.COUNTER, "requests", "Requests to brokers that were repeated.", read=True),
    Metric("kafka_request_errors", Kind.COUNTER, "requests", "Requests to brokers that could not be sent.", read=True),
    Metric("kafka_request_timeouts", Kind.COUNTER, "requests", "Requests that no broker answered in time.", read=True),
    Metric(
        "reloads",
        Kind.COUNTER,
        "reloads",
        "Changed files that a worker uses from then on (`taken`) or cannot use (`refused`): the credentials folder, the "
        "certificates of the OTLP ports, the bearer tokens.",
        {"what": RELOADED, "outcome": ("taken", "refused")},
    ),
    Metric("workers", Kind.GAUGE, "processes", "Processes that serve."),
    Metric("worker_restarts", Kind.COUNTER, "processes", "Workers that ended unexpectedly and were started again."),
)

METRICS: Mapping[str, Metric] = {row.name: row for row in _ROWS}

# Its labels are versions, which have no closed set of values; there is one series.
BUILD = Metric(
    "build_info",
    Kind.GAUGE,
    "info",
    "1; its labels are the versions of the exporter and of librdkafka.",
    {"version": (), "librdkafka": ()},
    across=Across.MOST,
)

# The metrics that prometheus_client makes for a process.
PROCESS: Mapping[str, tuple[Across, str]] = {
    "process_cpu_seconds_total": (Across.SUM, "CPU time."),
    "process_resident_memory_bytes": (
        Across.SUM,
        "Resident memory; memory that processes share is counted in each of them.",
    ),
    "process_virtual_memory_bytes": (Across.SUM, "Address space."),
    "process_start_time_seconds": (Across.LEAST, "Start of the oldest process, in Unix time."),
    "process_open_fds": (Across.MOST, "Open files of the process with the most."),
    "process_max_fds": (Across.LEAST, "Limit of open files of a process."),
}
