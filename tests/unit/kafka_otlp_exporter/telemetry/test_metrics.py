"""The table of metrics follows the conventions of Prometheus."""

import re
from collections.abc import Iterator

from kafka_otlp_exporter.telemetry.metrics import BUILD, METRICS, Kind, Metric

ROWS = [*METRICS.values(), BUILD]


def faults(row: Metric) -> Iterator[str]:
    """What is wrong with a row (https://prometheus.io/docs/practices/naming/)."""
    if not re.fullmatch(r"[a-z][a-z_]*[a-z]", row.name):
        yield "the name has other characters than a-z and _"
    if row.name.endswith("_total"):
        yield "the name holds _total already"
    if row.shown.endswith("_total") != (row.kind is Kind.COUNTER):
        yield "not exactly a counter is shown with _total"
    for unit in ("bytes", "seconds"):
        if row.name.endswith(unit) != (row.unit == unit):
            yield f"the name and the unit do not agree about {unit}"
    if not re.fullmatch(r"[A-Z1].*\.", row.help):
        yield "the help is no sentence"
    if len(list(row.series)) > 32:
        yield "there are too many series: a label with an open set of values would fill a Prometheus"


def test_every_row_has_a_name_with_its_unit_a_sentence_and_few_series():
    """One failure lists all rows that break a rule."""
    assert [f"{row.name}: {fault}" for row in ROWS for fault in faults(row)] == []


def test_the_rules_find_a_row_that_breaks_them():
    """Each of them can fail."""
    broken = Metric("Size_total", Kind.GAUGE, "bytes", "size", {"of": tuple("abcdefghijklmnopqrstuvwxyz0123456789")})
    assert len(list(faults(broken))) == 6
    assert list(faults(Metric("wait_bytes", Kind.GAUGE, "seconds", "Waits."))) == [
        "the name and the unit do not agree about bytes",
        "the name and the unit do not agree about seconds",
    ]


def test_a_name_is_used_once():
    """A second row with a name would hide the first."""
    assert METRICS.keys() == {row.name for row in METRICS.values()}
    assert BUILD.name not in METRICS
