"""An OpenTelemetry Collector as a real process.

A configuration is built from ``Wiring``: what comes in, what goes out, and between which of them a signal flows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.beds.process import BedError, Child, free_port, wait_until
from tools.cluster import assets

_READY = "Everything is ready. Begin running and processing data."
_LENGTH_BYTES = 4


@dataclass
class Wiring:
    """The parts of a Collector's configuration, in its own words: ``kafka/name``, ``otlp``, ``file/name``."""

    receivers: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    exporters: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    pipelines: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def connect(self, signal: str, receivers: Sequence[str], exporters: Sequence[str]) -> None:
        """Add a pipeline for a signal, from these receivers to these exporters."""
        name = f"{signal}/{len(self.pipelines)}"
        self.pipelines[name] = {"receivers": list(receivers), "exporters": list(exporters)}

    def otlp(self, name: str = "otlp") -> str:
        """Add an OTLP/gRPC receiver, and return its address, ``host:port``."""
        address = f"127.0.0.1:{free_port()}"
        self.receivers[name] = {"protocols": {"grpc": {"endpoint": address, "max_recv_msg_size_mib": 64}}}
        return address

    def from_kafka(self, name: str, brokers: str, topics: Mapping[str, str], encoding: str) -> str:
        """Add a Kafka receiver that reads a topic for each signal from the beginning, and return its name."""
        self.receivers[f"kafka/{name}"] = {
            "brokers": [brokers],
            "group_id": name,
            "initial_offset": "earliest",
            **{signal: {"topics": [topic], "encoding": encoding} for signal, topic in topics.items()},
        }
        return f"kafka/{name}"

    def to_kafka(
        self, name: str, brokers: str, topics: Mapping[str, str], encoding: str, options: Mapping[str, Any]
    ) -> str:
        """Add a Kafka exporter that answers only after Kafka's acknowledgement, and return its name."""
        self.exporters[f"kafka/{name}"] = {
            "brokers": [brokers],
            "sending_queue": {"enabled": False},
            **{signal: {"topic": topic, "encoding": encoding} for signal, topic in topics.items()},
            **options,
        }
        return f"kafka/{name}"

    def to_otlp(self, name: str, address: str) -> str:
        """Add an OTLP/gRPC exporter, with the default queue of ten senders and retries from 100 ms; return its name."""
        self.exporters[f"otlp/{name}"] = {
            "endpoint": address,
            "tls": {"insecure": True},
            "sending_queue": {"enabled": True, "queue_size": 10_000},
            "retry_on_failure": {"initial_interval": "100ms"},
        }
        return f"otlp/{name}"

    def to_file(self, name: str, path: Path) -> str:
        """Add a file exporter in the format that ``frames`` reads, and return its name."""
        self.exporters[f"file/{name}"] = {"path": str(path), "format": "proto", "flush_interval": "100ms"}
        return f"file/{name}"

    def configuration(self) -> dict[str, Any]:
        """The Collector's configuration."""
        return {
            "receivers": self.receivers,
            "exporters": self.exporters,
            "service": {"pipelines": self.pipelines},
        }


class Collector:
    """One Collector process, from start to end.

    As a context manager it always ends the process, and prints its log when the test has failed.
    """

    def __init__(self, folder: Path, wiring: Wiring) -> None:
        """Start the Collector; its configuration and log go into ``folder``. Raises BedError when it is not built."""
        if (program := assets.collector_program()) is None:
            raise BedError(str(assets.missing_for_collector()))
        configuration = folder / "collector.yaml"
        configuration.write_text(json.dumps(wiring.configuration(), indent=1))  # JSON is YAML too
        self.child = Child([str(program), "--config", str(configuration)], folder / "collector.log")

    def __enter__(self) -> Self:
        """Started already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ended."""
        self.child.end(30)
        if kind is not None:
            print(f"--- log of the Collector ---\n{self.child.log_tail(200)}")

    @property
    def log(self) -> str:
        """All that the Collector has written to stdout and stderr."""
        return self.child.log.read_text(errors="replace")

    def wait_ready(self, seconds: float = 60) -> Self:
        """Wait until every component has started. Raises BedError, with the log."""
        self.child.wait_until(lambda: _READY in self.log, seconds, "word that everything is ready")
        return self


def frames(path: Path) -> list[bytes]:
    """The messages that a file exporter has written so far, in the order in which it got them."""
    written = path.read_bytes() if path.exists() else b""
    found: list[bytes] = []
    position = 0
    while position + _LENGTH_BYTES <= len(written):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(written[position:start], "big")
        if position > len(written):
            break  # the rest is on its way
        found.append(written[start:position])
    return found


def wait_for_frames(collector: Collector, path: Path, count: int, seconds: float = 60) -> list[bytes]:
    """Wait for ``count`` messages in a file. Raises BedError, with the Collector's errors, when there are fewer."""
    wait_until(
        lambda: len(frames(path)) >= count,
        seconds,
        lambda: (
            f"the Collector read {len(frames(path))} of {count} messages into {path.name}:\n"
            + "\n".join(_errors(collector.log.splitlines()))
        ),
    )
    return frames(path)


def _errors(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if '"level":"info"' not in line][-20:]
