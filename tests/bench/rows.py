"""The rows of the benchmark: what is sent to each subject, and how each subject is told to write it.

It is pure. A new kind of work is a new row here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kafka_otlp_exporter.otlp.signals import Signal

_MOST_CONNECTIONS = 8


@dataclass(frozen=True)
class Load:
    """Requests that are sent over OTLP/gRPC, and how they are written to Kafka.

    ``items`` and ``resources`` are those of one request. ``open`` calls are open at any time.
    """

    requests: int
    items: int
    open: int
    signal: Signal = Signal.TRACES
    resources: int = 1
    format: Literal["protobuf", "json"] = "protobuf"
    keyed: bool = False

    @property
    def connections(self) -> int:
        """The calls are spread evenly over these."""
        return min(self.open, _MOST_CONNECTIONS)

    def warm_up(self) -> Load:
        """A tenth of it, which is sent before anything is measured."""
        return replace(self, requests=max(self.requests // 10, 1))


@dataclass(frozen=True)
class Row:
    """One kind of work.

    Without a load, the row measures the start of a process, and its memory after ``rest_seconds`` without requests.
    """

    name: str
    title: str
    load: Load | None = None
    rest_seconds: float = 0


ROWS = (
    Row("small", "10 spans a request, 64 calls open", Load(requests=20_000, items=10, open=64)),
    Row("batch", "500 spans a request, 32 calls open", Load(requests=2_000, items=500, open=32)),
    Row("large", "4,000 spans a request, 8 calls open", Load(requests=250, items=4_000, open=8)),
    Row(
        "json",
        "500 spans a request, 32 calls open, written as OTLP/JSON",
        Load(requests=600, items=500, open=32, format="json"),
    ),
    Row(
        "keyed",
        "500 logs of 20 resources a request, 32 calls open, one record and key for each resource",
        Load(requests=1_000, items=500, open=32, signal=Signal.LOGS, resources=20, keyed=True),
    ),
    Row("idle", "start until the first request is acknowledged, then two seconds without requests", rest_seconds=2),
)


def named(names: Sequence[str]) -> tuple[Row, ...]:
    """The rows with these names, in the table's order. Raises ValueError for a name that no row has."""
    if unknown := set(names) - {row.name for row in ROWS}:
        known = ", ".join(row.name for row in ROWS)
        raise ValueError(f"there is no row {', '.join(sorted(unknown))}; the rows are {known}")
    return tuple(row for row in ROWS if row.name in names)


def scaled(row: Row, share: float) -> Row:
    """The same row with this share of its requests, and one at least, and of its rest."""
    load = row.load and replace(row.load, requests=max(round(row.load.requests * share), 1))
    return replace(row, load=load, rest_seconds=row.rest_seconds * share)
