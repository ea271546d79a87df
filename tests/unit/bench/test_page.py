"""The page tells the figures, and first where the Collector needs less."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.bench.accounting import Account
from tests.bench.figures import CPU, HIGH_LATENCY, IDLE, MEASURES, MEDIAN_LATENCY, PEAK, STARTUP, Run
from tests.bench.machine import Machine
from tests.bench.page import Benchmark, bars, page, tables
from tests.bench.rows import ROWS, named


def loaded(cpu: float) -> Run:
    return {CPU.key: cpu, PEAK.key: 90, MEDIAN_LATENCY.key: 5, HIGH_LATENCY.key: 9}


def idle(startup: float) -> Run:
    return {STARTUP.key: startup, IDLE.key: 80}


def runs() -> dict[tuple[str, str], list[Run]]:
    """The Collector needs less CPU in ``small`` and starts sooner; elsewhere this exporter needs less CPU."""
    found: dict[tuple[str, str], list[Run]] = {}
    for row in ROWS:
        for subject in ("exporter", "collector"):
            ours = subject == "exporter"
            found[row.name, subject] = [
                idle(2 + more if ours else 1 + more) if row.load is None else loaded(_cpu(row.name, ours=ours) + more)
                for more in (0.2, 0.0, 0.1)
            ]
    return found


def _cpu(row: str, *, ours: bool) -> float:
    if not ours:
        return 2
    return 21 if row == "small" else 1


BENCHMARK = Benchmark(
    rows=ROWS,
    runs=runs(),
    repetitions=3,
    workers=0,
    accounts={"exporter": Account(1_000_000, 0, 7), "collector": Account(1_000_000, 0, 0)},
    processes={"exporter": 3, "collector": 1},
    machine=Machine("A Processor", 2, 24, "Linux 6.1", 0.1),
    versions={"Apache Kafka": "4.1.0"},
    day=date(2026, 11, 29),
)


def sections(text: str) -> dict[str, str]:
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in text.split("\n## ")[1:]}


def test_the_first_section_says_where_the_collector_needs_less():
    found = sections(page(BENCHMARK))
    assert next(iter(found)) == "Where the Collector needs less"
    less = found["Where the Collector needs less"]
    assert "`small`: this exporter 21.10 s, the Collector 2.10 s (10.05 times)" in less
    assert "`idle`: this exporter 2.10 s, the Collector 1.10 s" in less
    assert less.count("\n- ") == 2


def test_each_comparison_stands_in_one_of_the_three_sections():
    found = sections(page(BENCHMARK))
    lists = [found[heading].count("\n- ") for heading in found if heading.startswith("Where ")]
    assert lists == [2, 4, 16]
    assert sum(lists) == len(
        [1 for row in ROWS for measure in MEASURES if measure.key in runs()[row.name, "exporter"][0]]
    )


def test_an_empty_section_says_so():
    level = {key: [loaded(1.0)] for key in runs()}
    rows = named(["small", "batch"])
    found = sections(page(replace(BENCHMARK, rows=rows, runs=level)))
    assert found["Where the Collector needs less"].strip() == "Nowhere in these rows."
    assert found["Where this exporter needs less"].strip() == "Nowhere in these rows."


def test_a_table_has_median_least_and_most_of_each_row():
    lines = tables(ROWS, runs()).splitlines()
    assert lines[0] == "**CPU time per million items (s)**"
    small = next(line for line in lines if line.startswith("| small"))
    assert [cell.strip() for cell in small.split("|")[1:-1]] == [
        "small",
        "21.10 (21.00 to 21.20)",
        "2.10 (2.00 to 2.20)",
        "10.05",
    ]


def test_the_columns_of_a_table_are_aligned():
    for table in tables(ROWS, runs()).split("\n\n"):
        assert len({len(line) for line in table.splitlines() if line.startswith("|")}) <= 1


def test_a_measure_that_no_row_has_gets_no_table():
    assert STARTUP.title not in tables(named(["small"]), runs())


def test_the_page_has_every_row_the_machine_the_versions_and_the_account():
    text = page(BENCHMARK)
    for row in ROWS:
        assert f"- `{row.name}`: {row.title}" in text
    for fact in ("2026-11-29", "A Processor, 2 CPUs, 24 GiB", "Apache Kafka 4.1.0", "3 processes", "make bench"):
        assert fact in text
    assert "Acknowledged: 2,000,000 items. Missing in Kafka: 0. Written more than once: 7." in text


@pytest.mark.parametrize(("load", "said"), [(0.1, False), (7.5, True)])
def test_the_page_says_when_the_machine_was_busy(load: float, said: bool):
    text = page(replace(BENCHMARK, machine=replace(BENCHMARK.machine, load=load)))
    assert ("The machine was busy with other programs" in text) is said


def test_the_page_says_when_the_number_of_workers_is_not_the_default():
    assert "`--workers=1`" in page(replace(BENCHMARK, workers=1))
    assert "--workers" not in page(BENCHMARK)


def test_the_chart_has_the_cpu_time_of_each_row_with_a_load():
    picture = bars(ROWS, runs())
    assert all((f">{row.name}<" in picture) is (row.load is not None) for row in ROWS)
    assert ">21.10<" in picture
