"""The runs of the benchmark: each starts one subject afresh, sends it one load, and accounts for every item."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from confluent_kafka.admin import AdminClient

from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.otlp.wire import enclose
from tests.beds.kafka import KafkaBroker
from tests.beds.process import BedError, wait_until
from tests.beds.records import SILENT
from tests.bench import generator
from tests.bench.accounting import Account, account, items_found, require_all
from tests.bench.figures import CPU, HIGH_LATENCY, IDLE, MEDIAN_LATENCY, PEAK, STARTUP, Run, percentile
from tests.bench.processes import ProcessTree
from tests.bench.rows import Load, Row
from tests.bench.subjects import Served, Subject, Target
from tests.contract.otlp import Client

_PARTITIONS = 4
_START_SECONDS = 60
_MEBIBYTE = 1024 * 1024
# An empty span or an empty log record, each in one scope of one resource.
_ONE_ITEM = enclose(1, enclose(2, enclose(2, b"")))
# What a subject is configured for in a row without a load.
_AT_REST = Load(requests=1, items=1, open=1)


@dataclass
class Results:
    """The runs of each row and subject so far, how many processes each subject is, and the account of all items."""

    runs: dict[tuple[str, str], list[Run]] = field(default_factory=dict)
    processes: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)


def measure(
    kafka: KafkaBroker,
    rows: Sequence[Row],
    subjects: Sequence[Subject],
    repetitions: int,
    say: Callable[[str], None],
) -> Results:
    """Run every row of every subject, interleaved, so that what disturbs the machine disturbs all of them.

    The subjects take turns in going first. Raises BedError when a request fails, NotAllThere when one is lost.
    """
    program = generator.build()
    results = Results()
    for repetition in range(repetitions):
        order = list(subjects) if repetition % 2 == 0 else list(reversed(subjects))
        for row in rows:
            for subject in order:
                run = _run(program, kafka, row, subject, results)
                results.runs.setdefault((row.name, subject.name), []).append(run)
                figures = ", ".join(f"{key} {value:.2f}" for key, value in run.items())
                say(f"{repetition + 1} of {repetitions}, {row.name}, {subject.title}: {figures}")
    return results


def _run(program: Path, kafka: KafkaBroker, row: Row, subject: Subject, results: Results) -> Run:
    load = row.load or _AT_REST
    with tempfile.TemporaryDirectory(prefix="kafka-otlp-bench-") as folder, _topic(kafka) as topic:
        started = time.monotonic()
        with subject.start(Path(folder), Target(kafka.bootstrap(), topic), load) as served:
            _wait_for_answer(served, load.signal)
            startup = time.monotonic() - started
            served.wait_ready()
            tree = ProcessTree(served.child.pid)
            results.processes[subject.name] = tree.size()
            if row.load is None:
                time.sleep(row.rest_seconds)  # what is measured is a process at rest
                return {STARTUP.key: startup, IDLE.key: tree.resident_bytes() / _MEBIBYTE}
            run, reports = _loaded(program, served, tree, load)
        there = _account(kafka, topic, load, reports)
    results.accounts[subject.name] = results.accounts.get(subject.name, Account()) + there
    require_all(there, row.name, subject.title)
    return run


def _loaded(
    program: Path, served: Served, tree: ProcessTree, load: Load
) -> tuple[Run, tuple[generator.Report, generator.Report]]:
    warm_up = generator.run(program, served.address, load.warm_up(), first=0)
    before = tree.cpu_seconds()
    report = generator.run(program, served.address, load, first=warm_up.sent)
    cpu_seconds = tree.cpu_seconds() - before
    run = {
        CPU.key: cpu_seconds / (report.sent * load.items) * 1e6,
        PEAK.key: tree.peak_bytes() / _MEBIBYTE,
        MEDIAN_LATENCY.key: percentile(report.microseconds, 50) / 1000,
        HIGH_LATENCY.key: percentile(report.microseconds, 99) / 1000,
    }
    return run, (warm_up, report)


def _account(kafka: KafkaBroker, topic: str, load: Load, reports: Sequence[generator.Report]) -> Account:
    values = (record.value() or b"" for record in kafka.read(topic, timeout=120))
    found = items_found(values, load.signal, load.format)
    return account((number for report in reports for number in report.acknowledged), load.items, found)


@contextmanager
def _topic(kafka: KafkaBroker) -> Iterator[str]:
    """A new topic, deleted at the end; the broker frees its space soon."""
    name = f"bench-{time.monotonic_ns()}"
    kafka.create_topic(name, _PARTITIONS, {"file.delete.delay.ms": "1000"})
    yield name
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap()}, logger=SILENT)
    admin.delete_topics([name])[name].result(30)


def _wait_for_answer(served: Served, signal: Signal) -> None:
    """Wait until one request of one item is acknowledged. Raises BedError."""

    def answered() -> bool:
        if not served.child.running:
            raise BedError(f"{served.child.name} ended before its first answer:\n{served.child.log_tail()}")
        return _listens(served.address) and _acknowledges(served.address, signal)

    wait_until(answered, _START_SECONDS, lambda: f"no answer:\n{served.child.log_tail()}", every=0.005)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _acknowledges(address: str, signal: Signal) -> bool:
    with Client(address) as client:
        try:
            client.send(signal, _ONE_ITEM, timeout=10)
        except grpc.RpcError:
            return False
        return True
