"""The metrics of several processes as those of one. Called by ``supervisor``.

Counters and histograms are added up, and keep what processes that have ended had counted, so that none goes backwards.
What a gauge of several processes is, its row in ``metrics`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from kafka_otlp_exporter.telemetry.metrics import METRICS, PREFIX, PROCESS, Across

# A sample's name and labels.
Series = tuple[str, tuple[tuple[str, str], ...]]
Values = Mapping[Series, float]

_CUMULATIVE = {"counter", "histogram"}
_COMBINE: Mapping[Across, Callable[[list[float]], float]] = {Across.SUM: sum, Across.LEAST: min, Across.MOST: max}


class Own:
    """The metrics of the supervisor itself, which serves nothing."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        row = METRICS["worker_restarts"]
        self._restarts = Counter(PREFIX + row.name, row.help, registry=self._registry)

    def count_restart(self) -> None:
        """A worker was started again."""
        self._restarts.inc()

    def text(self) -> str:
        """In Prometheus' text format."""
        return generate_latest(self._registry).decode()


def totals(text: str, before: Values) -> Values:
    """The counters and histograms of a process that has ended, added to those of others before it."""
    added = dict(before)
    for family in text_string_to_metric_families(text):
        if family.type in _CUMULATIVE:
            for sample in family.samples:
                series = (sample.name, tuple(sample.labels.items()))
                added[series] = added.get(series, 0.0) + sample.value
    return added


def merged(texts: Sequence[str], ended: Values) -> bytes:
    """One exposition out of those of several processes, and of the totals of those that have ended."""
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
    # build_info, whose value is 1 in each.
    return row.across if row is not None else Across.MOST
