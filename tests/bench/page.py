"""The tables of the figures, and the page that shows them: docs/performance.md. It is pure.

The page first says where the Collector needs less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tests.bench.accounting import Account
from tests.bench.chart import Pair, chart
from tests.bench.figures import CPU, MEASURES, Measure, Run, Spread, Verdict, compare, spread
from tests.bench.machine import Machine
from tests.bench.rows import Row

Runs = Mapping[tuple[str, str], Sequence[Run]]


@dataclass(frozen=True)
class Comparison:
    """One measure of one row: the spreads of both subjects."""

    row: Row
    measure: Measure
    ours: Spread
    theirs: Spread

    @property
    def verdict(self) -> Verdict:
        """Whether this exporter needs less, more, or neither beyond the spread."""
        return compare(self.ours, self.theirs)

    @property
    def ratio(self) -> float:
        """This exporter's median for one of the Collector's."""
        return self.ours.median / self.theirs.median


@dataclass(frozen=True)
class Benchmark:
    """Everything that the page tells of one benchmark."""

    rows: Sequence[Row]
    runs: Runs
    repetitions: int
    workers: int
    accounts: Mapping[str, Account]
    processes: Mapping[str, int]
    machine: Machine
    versions: Mapping[str, str]
    day: date


def comparisons(rows: Sequence[Row], runs: Runs) -> list[Comparison]:
    """Every measure of every row, measure by measure."""
    return [
        Comparison(row, measure, _spread(runs, row, "exporter", measure), _spread(runs, row, "collector", measure))
        for measure in MEASURES
        for row in rows
        if measure.key in runs[row.name, "exporter"][0]
    ]


def tables(rows: Sequence[Row], runs: Runs) -> str:
    """One table for each measure that was taken, in Markdown that is readable as it stands."""
    compared = comparisons(rows, runs)
    return "\n\n".join(
        "\n".join(_table(measure, [each for each in compared if each.measure == measure]))
        for measure in MEASURES
        if any(each.measure == measure for each in compared)
    )


def bars(rows: Sequence[Row], runs: Runs) -> str:
    """The chart of CPU time, as SVG."""
    pairs = [
        Pair(each.row.name, each.ours.median, each.theirs.median)
        for each in comparisons(rows, runs)
        if each.measure == CPU
    ]
    subtitle = "Seconds, medians; shorter is better; each pair of bars has its own scale"
    return chart(CPU.title, subtitle, ("this exporter", "OpenTelemetry Collector"), pairs, CPU.digits)


def page(benchmark: Benchmark) -> str:
    """The whole page, in Markdown."""
    return "\n\n".join([*_opening(benchmark), *_verdicts(benchmark), *_figures(benchmark), *_method(benchmark)]) + "\n"


def _spread(runs: Runs, row: Row, subject: str, measure: Measure) -> Spread:
    return spread([run[measure.key] for run in runs[row.name, subject]])


def _table(measure: Measure, compared: Sequence[Comparison]) -> Iterator[str]:
    yield f"**{measure.title} ({measure.unit})**"
    yield ""
    lines = [["row", "this exporter", "Collector", "exporter / Collector"]]
    lines += [
        [each.row.name, _cell(each.ours, measure), _cell(each.theirs, measure), f"{each.ratio:.2f}"]
        for each in compared
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    for index, (name, *cells) in enumerate(lines):
        padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        yield f"| {' | '.join([name.ljust(widths[0]), *padded])} |"
        if index == 0:
            yield f"| {'-' * widths[0]} | {' | '.join('-' * (width - 1) + ':' for width in widths[1:])} |"


def _cell(of: Spread, measure: Measure) -> str:
    least, median, most = (f"{value:.{measure.digits}f}" for value in (of.least, of.median, of.most))
    return f"{median} ({least} to {most})"


def _opening(benchmark: Benchmark) -> Iterator[str]:
    yield "# Performance: this exporter and the Collector's Kafka exporter"
    yield (
        f"`make bench` measured both side by side and wrote this page on {benchmark.day}. Both answer a client only "
        "after all in-sync replicas of Kafka have acknowledged (acks=all), and neither compresses."
    )
    if benchmark.machine.was_busy:
        yield (
            f"**The machine was busy with other programs** (load average {benchmark.machine.load:.1f} on "
            f"{benchmark.machine.cpus} CPUs before the first run). Every figure is higher than on a quiet machine, CPU time "
            "too, because the programs share caches. Both were disturbed, because their runs are interleaved. Compare the "
            "ratios rather than the single figures."
        )


def _verdicts(benchmark: Benchmark) -> Iterator[str]:
    compared = comparisons(benchmark.rows, benchmark.runs)
    headings = {
        Verdict.MORE: "## Where the Collector needs less",
        Verdict.LESS: "## Where this exporter needs less",
        Verdict.LEVEL: "## Where neither needs less in every repetition",
    }
    for verdict, heading in headings.items():
        yield heading
        yield "\n".join(_sentence(each) for each in compared if each.verdict == verdict) or "Nowhere in these rows."


def _sentence(of: Comparison) -> str:
    ours, theirs = (f"{each.median:.{of.measure.digits}f}" for each in (of.ours, of.theirs))
    return (
        f"- {of.measure.title}, `{of.row.name}`: this exporter {ours} {of.measure.unit}, the Collector {theirs} "
        f"{of.measure.unit} ({of.ratio:.2f} times)"
    )


def _figures(benchmark: Benchmark) -> Iterator[str]:
    yield "## Figures"
    yield "![CPU time per million items, this exporter and the Collector](performance.svg)"
    yield (
        f"Repetitions: {benchmark.repetitions}. Each cell has the median, with the least and the greatest value. Less is better. An item "
        "is a span or a log record."
    )
    yield tables(benchmark.rows, benchmark.runs)
    yield "## The rows"
    yield "\n".join(_row(row) for row in benchmark.rows)


def _row(row: Row) -> str:
    if row.load is None:
        return f"- `{row.name}`: {row.title}."
    return f"- `{row.name}`: {row.title}; {row.load.requests:,} requests over {row.load.connections} connections."


def _method(benchmark: Benchmark) -> Iterator[str]:
    yield "## How it is measured"
    yield "\n".join(
        [
            "- The programs, one Kafka broker and the load generator run on one machine and talk over loopback.",
            "- Each run starts a new process and a new topic of four partitions. A tenth of the load goes first and is "
            "not measured.",
            "- The runs are interleaved: each repetition runs every row, and in each row one program after the other. "
            "The two take turns in going first.",
            "- This exporter runs with its defaults and `acks=all`. The Collector runs an `otlp` receiver and a `kafka` "
            "exporter with `required_acks: -1` and without `sending_queue`, so that its answer too comes after Kafka's. "
            "Everything else, such as the linger time, is each program's default. With these settings the Collector's "
            "client produces idempotently, and this exporter's does not.",
            "- The Collector is built with the components that it needs and does not serve metrics of its own. This "
            "exporter serves its metrics.",
            f"- {_workers(benchmark.workers)}: here {_processes(benchmark, 'exporter')}. The Collector is "
            f"{_processes(benchmark, 'collector')}, which uses every CPU.",
            "- CPU time is user and system time of the program with all its child processes, from `/proc`. It does not "
            "include Kafka or the load generator.",
            "- Peak memory is the sum of `VmHWM` over these processes, memory at rest the sum of `VmRSS`. Pages that "
            "processes share count once for each of them.",
            "- The load generator is a program in Go. It makes the bytes of a request once, and keeps the same number of "
            "calls open for both programs. A program that answers sooner is therefore sent more requests a second: "
            "latency is about the number of open calls divided by the requests a second.",
        ]
    )
    yield "## Nothing acknowledged was lost"
    yield _accounting(benchmark)
    yield "## Machine and versions"
    machine = benchmark.machine
    yield (
        f"{machine.processor}, {machine.cpus} CPUs, {machine.memory_gib} GiB of memory, {machine.kernel}. "
        f"Load average before the first run: {machine.load:.1f}."
    )
    yield "\n".join(f"- {name} {version}" for name, version in benchmark.versions.items())
    yield "## Repeat it"
    yield (
        "```sh\nmake assets   # builds the Collector and fetches Kafka, once\nmake bench\n"
        "make bench ROWS=small,json REPETITIONS=1   # prints figures, and leaves this page as it is\n```"
    )


def _workers(workers: int) -> str:
    if workers == 0:
        return "With its defaults this exporter runs one worker for each CPU, and a process that watches over them"
    return f"Unlike its default, this exporter runs with `--workers={workers}`"


def _processes(benchmark: Benchmark, subject: str) -> str:
    number = benchmark.processes[subject]
    return f"{number} processes" if number != 1 else "1 process"


def _accounting(benchmark: Benchmark) -> str:
    total = sum(benchmark.accounts.values(), Account())
    return (
        "After each run, every record of the topic is read, and the items of each request are counted by the request's "
        "number, which is in their trace ids. The benchmark fails when an acknowledged item is missing. "
        f"Acknowledged: {total.acknowledged:,} items. Missing in Kafka: {total.lost:,}. "
        f"Written more than once: {total.repeated:,}."
    )
