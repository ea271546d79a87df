"""The metrics of one process, made from the table in ``metrics``, and the last failed request.

No metric holds a payload or a credential.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Rejection, Unauthenticated, Unavailable
from kafka_otlp_exporter.telemetry.logs import Voice
from kafka_otlp_exporter.telemetry.metrics import BUCKETS, BUILD, METRICS, PREFIX, Kind, Metric, Phase

_ITEM = {Signal.TRACES: "span", Signal.METRICS: "metric", Signal.LOGS: "log_record"}


class _Readings(Collector):
    """The metrics whose values other modules hold; each value is read at each scrape."""

    def __init__(self, sources: Mapping[str, Callable[[], float]]) -> None:
        self._sources = sources

    def collect(self) -> Iterable[Family]:
        for name, source in self._sources.items():
            row = METRICS[name]
            family = CounterMetricFamily if row.kind is Kind.COUNTER else GaugeMetricFamily
            yield family(PREFIX + name, row.help, value=source())


class Telemetry:
    """The metrics of one serving process. ``last_failure``: the last answer that asked a client to retry, and its time."""

    def __init__(self) -> None:
        self.last_failure: tuple[datetime, Unavailable] | None = None
        self._voice = Voice()
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        # Series are looked up once, here, because labels() costs more than the increment. So does hashing an enum:
        # therefore the series of one signal stand together.
        self._series: dict[tuple[str, ...], Any] = {}
        for row in METRICS.values():
            if not row.read:
                self._make(row)
        self._of = {signal: self._of_signal(signal) for signal in Signal}
        self._series["workers",].set(1)

    def _make(self, row: Metric) -> None:
        if row.kind is Kind.HISTOGRAM:
            made: Any = Histogram(PREFIX + row.name, row.help, [*row.labels], registry=self.registry, buckets=BUCKETS)
        else:
            made = (Counter if row.kind is Kind.COUNTER else Gauge)(
                PREFIX + row.name, row.help, [*row.labels], registry=self.registry
            )
        for values in row.series:
            self._series[row.name, *values] = made.labels(*values) if values else made

    def _of_signal(self, signal: Signal) -> dict[tuple[str, ...], Any]:
        """The series of one signal, by the metric's name and its labels other than the signal."""
        items = {("items", of[2]): series for of, series in self._series.items() if of[:2] == ("items", _ITEM[signal])}
        return items | {(of[0], *of[2:]): series for of, series in self._series.items() if of[1:2] == (signal.value,)}

    def observe(self, sources: Mapping[str, Callable[[], float]], version: str, librdkafka: str) -> None:
        """Add the metrics whose values other modules hold, and build_info with the two versions.

        ``sources`` maps the name of each metric with ``read`` in the table to a function that returns its value. Raises
        ValueError when a metric is missing or is not in the table.
        """
        if sources.keys() != (wanted := {row.name for row in METRICS.values() if row.read}):
            raise ValueError(f"metrics that are read: {sorted(sources.keys() ^ wanted)} is missing or not in the table")
        self.registry.register(_Readings(sources))
        Gauge(PREFIX + BUILD.name, BUILD.help, [*BUILD.labels], registry=self.registry).labels(version, librdkafka).set(
            1
        )

    def count_request(self, signal: Signal, size: int) -> None:
        """Count a request of ``size`` bytes that was read."""
        self._of[signal]["received_bytes",].inc(size)

    def count_records(self, signal: Signal, records: int, size: int, *, delivered: bool) -> None:
        """Count records that Kafka has taken, or has not; their values have ``size`` bytes in sum."""
        outcome = "delivered" if delivered else "failed"
        of = self._of[signal]
        of["records", outcome].inc(records)
        of["record_bytes", outcome].inc(size)

    def count_split(self, signal: Signal) -> None:
        """Count a request that became more than one record."""
        self._of[signal]["split_requests",].inc()

    def count_repairs(self, signal: Signal, strings: int, first: str) -> None:
        """Count strings of a request that were no UTF-8 and were repaired; ``first`` names the first one's field and service."""
        self._of[signal]["repaired_strings",].inc(strings)
        self._voice.warn("strings_repaired", f"repaired {signal}", signal=signal.value, strings=strings, first=first)

    def count_reload(self, what: str, *, taken: bool) -> None:
        """Count changed files; ``taken``: whether they are used from now on. ``what`` is one of metrics.RELOADED."""
        self._series["reloads", what, "taken" if taken else "refused"].inc()

    def count_abandoned(self, signal: Signal, phase: Phase, seconds: float = 0.0) -> None:
        """Count a call that its client ended, or whose deadline passed, ``seconds`` after its request was read."""
        self._of[signal]["abandoned_calls", phase].inc()
        cause = f"abandoned {signal} {phase}"
        self._voice.warn("call_abandoned", cause, signal=signal.value, phase=phase.value, seconds=round(seconds, 3))

    def count_abandoned_request(self, signal: Signal, outcome: Outcome) -> None:
        """Count what became of the request of an abandoned call. ``count_answer`` counts it among all requests."""
        if isinstance(outcome, Delivered):
            name = "delivered" if outcome.rejected is None else "partial"
        else:
            name = "invalid" if isinstance(outcome, Invalid) else "unavailable"
        self._of[signal]["abandoned_requests", name].inc()

    def count_answer(self, signal: Signal, outcome: Outcome, seconds: float | None, items: int = 0) -> None:
        """Count the answer to a request of ``items``; ``seconds`` after its arrival, None when it did not go to Kafka."""
        of = self._of[signal]
        if isinstance(outcome, Delivered):
            name = "delivered"
            if outcome.rejected is not None:
                name = "partial"
                self._reject(signal, outcome.rejected)
                # Of metrics, data points are rejected, but metrics are counted here.
                items -= 0 if signal is Signal.METRICS else outcome.rejected.items
            of["items", "delivered"].inc(max(items, 0))
        elif isinstance(outcome, Invalid):
            name = self._turn_away(signal, outcome)
        else:
            name = "unavailable"
            self._refuse(signal, outcome)
            of["items", "unavailable"].inc(items)
        of["requests", name].inc()
        if seconds is not None:
            of["acknowledgement_seconds",].observe(seconds)

    def _reject(self, signal: Signal, rejected: Rejection) -> None:
        of = self._of[signal]
        of["rejected_items", "surplus"].inc(rejected.surplus)
        of["rejected_items", "flawed"].inc(rejected.flawed)
        of["rejected_items", "oversized"].inc(rejected.items - rejected.surplus - rejected.flawed)
        self._voice.warn("items_rejected", signal.value, signal=signal.value, message=rejected.message)

    def _turn_away(self, signal: Signal, outcome: Invalid) -> str:
        if isinstance(outcome, Unauthenticated):
            self._voice.warn("request_unauthenticated", f"token {signal}", signal=signal.value, message=outcome.message)
            return "unauthenticated"
        self._voice.warn("request_invalid", f"invalid {signal}", signal=signal.value, message=outcome.message)
        return "invalid"

    def _refuse(self, signal: Signal, outcome: Unavailable) -> None:
        self._series["unavailable", outcome.reason].inc()
        self.last_failure = (datetime.now(UTC), outcome)
        self._voice.warn(
            "request_unavailable", outcome.reason, signal=signal.value, reason=outcome.reason, message=outcome.message
        )

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
