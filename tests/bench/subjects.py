"""The two that are held against each other, each as real processes that write to one topic and are ended at the end.

Both answer a call only after all in-sync replicas have acknowledged, and neither compresses. Everything else is each
program's default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.beds.collector import Collector, Wiring
from tests.beds.exporter import ExporterProcess
from tests.beds.process import Child
from tests.bench.rows import Load


@dataclass(frozen=True)
class Target:
    """Where a subject's records go."""

    brokers: str
    topic: str


@dataclass(frozen=True)
class Served:
    """A started subject: its OTLP/gRPC address, the root of its processes, and a wait until all of them serve."""

    address: str
    child: Child
    wait_ready: Callable[[], object]


@dataclass(frozen=True)
class Subject:
    """One of the two. ``start`` takes a folder for files, a target, and the load that decides format and keys."""

    name: str
    title: str
    start: Callable[[Path, Target, Load], AbstractContextManager[Served]]


def subjects(workers: int = 0) -> tuple[Subject, Subject]:
    """This exporter and the Collector; ``workers`` is the exporter's option (0, its default: one for each CPU)."""

    def start(folder: Path, target: Target, load: Load) -> AbstractContextManager[Served]:
        return _exporter(folder, exporter_flags(target, load, workers))

    return Subject("exporter", "this exporter", start), Subject("collector", "Collector", _collector)


def exporter_flags(target: Target, load: Load, workers: int) -> list[str]:
    """The flags of this exporter."""
    return [
        f"--workers={workers}",
        f"--kafka-exporter-brokers={target.brokers}",
        f"--kafka-exporter-{load.signal}-topic={target.topic}",
        "--kafka-exporter-acks=all",
        "--kafka-exporter-compression=none",
        *(["--kafka-exporter-format=json"] if load.format == "json" else []),
        *([f"--kafka-exporter-partition-{load.signal}-by-resource-attributes"] if load.keyed else []),
    ]


def collector_wiring(target: Target, load: Load) -> tuple[Wiring, str]:
    """The configuration of the Collector, and its OTLP/gRPC address."""
    wiring = Wiring()
    address = wiring.otlp()
    options: dict[str, object] = {"producer": {"required_acks": -1, "compression": "none"}}
    if load.keyed:
        options[f"partition_{load.signal}_by_resource_attributes"] = True
    encoding = {"protobuf": "otlp_proto", "json": "otlp_json"}[load.format]
    exporter = wiring.to_kafka("bench", target.brokers, {load.signal: target.topic}, encoding, options)
    wiring.connect(load.signal, ["otlp"], [exporter])
    return wiring, address


@contextmanager
def _exporter(folder: Path, flags: list[str]) -> Iterator[Served]:
    with ExporterProcess(folder, flags) as process:
        yield Served(process.otlp, process.child, process.wait_ready)


@contextmanager
def _collector(folder: Path, target: Target, load: Load) -> Iterator[Served]:
    wiring, address = collector_wiring(target, load)
    with Collector(folder, wiring) as process:
        yield Served(address, process.child, process.wait_ready)
