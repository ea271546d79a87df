"""The benchmark itself, with a few hundred requests: every part of it runs, and no figure is judged."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree as ET

import pytest

from tests.beds.kafka import KafkaBroker
from tests.bench.machine import this_machine, versions
from tests.bench.measuring import measure
from tests.bench.page import Benchmark, bars, page
from tests.bench.rows import named, scaled
from tests.bench.subjects import subjects

pytestmark = [pytest.mark.kafka, pytest.mark.collector]


def test_a_short_benchmark_measures_both_and_accounts_for_every_item(kafka: KafkaBroker) -> None:
    """Logs with keys, spans in JSON, and a process at rest."""
    rows = tuple(scaled(row, 0.05) for row in named(["json", "keyed", "idle"]))
    said: list[str] = []
    results = measure(kafka, rows, subjects(workers=1), 1, said.append)
    assert results.processes == {"exporter": 1, "collector": 1}
    # A tenth of the requests goes ahead; 30 and 50 follow, of 500 items each.
    for account in results.accounts.values():
        assert (account.acknowledged, account.lost) == ((3 + 30 + 5 + 50) * 500, 0)
    assert len(said) == len(results.runs) == 6
    assert all(value > 0 for runs in results.runs.values() for run in runs for value in run.values())

    found = Benchmark(
        rows=rows,
        runs=results.runs,
        repetitions=1,
        workers=1,
        accounts=results.accounts,
        processes=results.processes,
        machine=this_machine(),
        versions=versions(),
        day=date(2026, 11, 29),
    )
    assert page(found).count("| keyed") == 4
    assert ET.fromstring(bars(found.rows, found.runs)).tag.endswith("svg")
