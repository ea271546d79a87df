"""The program of ``make bench``: it runs the benchmark, prints its tables, and writes the page and the chart."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.beds.kafka import KafkaBroker
from tests.beds.process import BedError
from tests.bench.accounting import NotAllThere
from tests.bench.machine import this_machine, versions
from tests.bench.measuring import measure
from tests.bench.page import Benchmark, bars, page, tables
from tests.bench.rows import ROWS, named
from tests.bench.subjects import subjects
from tools.cluster import build
from tools.cluster.making import as_program

_DOCS = Path(__file__).parents[2] / "docs"
_PUBLISHED_REPETITIONS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark that the arguments ask for; the exit code of the process."""
    given = _parser().parse_args(arguments)
    try:
        rows = named(given.rows.split(","))
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    build.build_collector()
    machine, day = this_machine(), datetime.now(UTC).date()
    try:
        with tempfile.TemporaryDirectory(prefix="kafka-otlp-bench-") as folder, KafkaBroker(Path(folder)) as kafka:
            results = measure(kafka, rows, subjects(given.workers), given.repetitions, _say)
    except (BedError, NotAllThere) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(tables(rows, results.runs))
    found = Benchmark(
        rows=rows,
        runs=results.runs,
        repetitions=given.repetitions,
        workers=given.workers,
        accounts=results.accounts,
        processes=results.processes,
        machine=machine,
        versions=versions(),
        day=day,
    )
    _publish(found, given)
    return 0


def _publish(found: Benchmark, given: argparse.Namespace) -> None:
    complete = found.rows == ROWS and found.repetitions >= _PUBLISHED_REPETITIONS and found.workers == 0
    folder = given.out or (_DOCS if complete else None)
    if folder is None:
        _say(
            f"{_DOCS.name} is left as it is: it takes every row, {_PUBLISHED_REPETITIONS} repetitions and the defaults"
        )
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "performance.md").write_text(page(found))
    (folder / "performance.svg").write_text(bars(found.rows, found.runs))
    _say(f"wrote performance.md and performance.svg into {folder.name}")


def _parser() -> argparse.ArgumentParser:
    every = ",".join(row.name for row in ROWS)
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", default=every, help=f"rows to run, separated by commas (default: {every})")
    parser.add_argument("--repetitions", type=int, default=3, choices=range(1, 101), metavar="1..100")
    parser.add_argument(
        "--workers", type=int, default=0, help="worker processes of this exporter (default: one for each CPU)"
    )
    parser.add_argument("--out", type=Path, help="folder for the page and the chart, whatever was run")
    return parser


def _say(sentence: str) -> None:
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(as_program(main))
