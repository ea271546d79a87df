"""The metrics of several processes as the metrics of one.

Counters and histograms are added up. They keep the counts of processes that have ended, so that none goes backwards. The
rows in ``metrics`` say how the values of a gauge are combined.

prometheus_client has a multiprocess mode, which does not fit here. Its processes share files in a folder, but the pod's
root file system is read-only. It supports no custom collectors: neither the process metrics nor values that are read at
each scrape. The files of every ended process stay. Here each worker sends its last text, and the totals of ended workers
are a few hundred numbers in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from kafka_otlp_exporter.telemetry.metrics import METRICS, PREFIX, PROCESS, Across

# The name and the labels of a sample.
Series = tuple[str, tuple[tuple[str, str], ...]]
Values = Mapping[Series, float]

_CUMULATIVE = {"counter", "histogram"}
_COMBINE: Mapping[Across, Callable[[list[float]], float]] = {Across.SUM: sum, Across.LEAST: min, Across.MOST: max}


class SupervisorMetrics:
    """The metrics of the supervisor's own process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        row = METRICS["worker_restarts"]
        self._restarts = Counter(PREFIX + row.name, row.help, registry=self._registry)

    def count_restart(self) -> None:
        """Count a worker that was started again."""
        self._restarts.inc()

    def text(self) -> str:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry).decode()


def totals(text: str, before: Values) -> Values:
    """The counters and histograms in ``text``, of a process that has ended, added to the totals ``before`` it."""
    added = dict(before)
    for family in text_string_to_metric_families(text):
        if family.type in _CUMULATIVE:
            for sample in family.samples:
                series = (sample.name, tuple(sample.labels.items()))
                added[series] = added.get(series, 0.0) + sample.value
    return added


def merged(texts: Sequence[str], ended: Values) -> bytes:
    """One exposition made of the texts of several processes and of the totals of ended ones."""
    registry = CollectorRegistry()
    registry.register(_Merged(texts, ended))
    return generate_latest(registry)


class _Merged(Collector):
    def __init__(self, texts: Sequence[str], ended: Values) -> None:
        self._texts = texts
        self._ended = ended

    def collect(self) -> Iterable[Metric]:
        found: dict[str, Metric] = {}
        values: dict[Series, list[float]] = {}
        names: dict[str, list[Series]] = {}
        for text in self._texts:
            for family in text_string_to_metric_families(text):
                found.setdefault(family.name, family)
                for sample in family.samples:
                    series = (sample.name, tuple(sample.labels.items()))
                    if series not in values:
                        names.setdefault(family.name, []).append(series)
                        values[series] = [self._ended[series]] if series in self._ended else []
                    values[series].append(sample.value)
        for name, first in found.items():
            family = Metric(name, first.documentation, first.type)
            for series in names[name]:
                rule = Across.SUM if first.type in _CUMULATIVE else _rule(series[0])
                family.add_sample(series[0], dict(series[1]), _COMBINE[rule](values[series]))
            yield family


def _rule(name: str) -> Across:
    if name in PROCESS:
        return PROCESS[name][0]
    row = METRICS.get(name.removeprefix(PREFIX))
    # build_info is not in the table; its value is always 1.
    return row.across if row is not None else Across.MOST
