"""The table of metrics: names and labels as Prometheus would have them."""

import re

import pytest

from kafka_otlp_exporter.telemetry.metrics import BUILD, METRICS, Kind, Metric

ROWS = [*METRICS.values(), BUILD]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_name_ends_with_its_unit(row: Metric):
    """In base units, and only counters with _total (https://prometheus.io/docs/practices/naming/)."""
    assert re.fullmatch(r"[a-z][a-z_]*[a-z]", row.name)
    assert row.shown.endswith("_total") == (row.kind is Kind.COUNTER)
    assert not row.name.endswith("_total")
    for unit in ("bytes", "seconds"):
        assert row.name.endswith(unit) == (row.unit == unit)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_a_sentence_and_its_series_are_few(row: Metric):
    """A label with an open set of values would fill a Prometheus."""
    assert re.fullmatch(r"[A-Z1].*\.", row.help)
    assert len(list(row.series)) <= 32


def test_a_name_stands_once():
    """A second row of a name would hide the first."""
    assert METRICS.keys() == {row.name for row in METRICS.values()}
    assert BUILD.name not in METRICS
