"""What the benchmark ran on: the machine, its load, and the versions of all programs."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import confluent_kafka

from tools.cluster import assets

_GIBIBYTE = 1024**3


@dataclass(frozen=True)
class Machine:
    """A machine. ``load`` is its load average of the last minute: how many threads ran or wanted to."""

    processor: str
    cpus: int
    memory_gib: int
    kernel: str
    load: float

    @property
    def was_busy(self) -> bool:
        """Whether other programs used much of it."""
        return self.load > self.cpus / 4


def this_machine() -> Machine:
    """The machine as it is now."""
    return Machine(
        processor=_processor(Path("/proc/cpuinfo").read_text()),
        cpus=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIBIBYTE),
        kernel=f"{platform.system()} {platform.release().partition('-')[0]}",
        load=os.getloadavg()[0],
    )


def versions() -> dict[str, str]:
    """The version of each program that takes part, by its name."""
    return {
        "this exporter": version("kafka-otlp"),
        "Python": platform.python_version(),
        "grpcio": version("grpcio"),
        "librdkafka": confluent_kafka.libversion()[0],
        "OpenTelemetry Collector (otlpreceiver, kafkaexporter)": assets.COLLECTOR_VERSION.removeprefix("v"),
        "Apache Kafka": assets.KAFKA_VERSION,
        "Java": str(assets.java_version()),
    }


def _processor(text: str) -> str:
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
