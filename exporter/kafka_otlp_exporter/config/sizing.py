"""How many workers serve, and what the requests of each may hold. Pure; called by ``__main__``."""

from __future__ import annotations

from dataclasses import dataclass

from kafka_otlp_exporter.config.settings import (
    LEAST_IN_FLIGHT,
    MEBIBYTE,
    ROWS,
    WORKER_IN_FLIGHT,
    Settings,
    in_flight_bytes,
)

# A worker's own 80 MiB, its share of the bytes in flight, and the copies that librdkafka makes of them.
WORKER_MEMORY = 256 * MEBIBYTE
# What a record costs in librdkafka beside the bytes of its key and value.
RECORD_OVERHEAD_BYTES = 1024


@dataclass(frozen=True)
class Limits:
    """``memory``: bytes that the group may use, None without a limit; ``machine``: the machine's; ``cpus``: at least 1."""

    memory: int | None
    machine: int
    cpus: int


@dataclass(frozen=True)
class Size:
    """``in_flight_bytes`` is for each of the ``workers``."""

    workers: int
    in_flight_bytes: int


def size(settings: Settings, limits: Limits) -> Size:
    """The size that was asked for, or what fits the limits. Raises ValueError when a worker would hold too little."""
    total = settings.max_in_flight_bytes or in_flight_bytes(limits.memory)
    workers = settings.workers or _fitting(total, limits)
    if total // workers < LEAST_IN_FLIGHT:
        raise ValueError(
            f"{ROWS['workers'].flag}: {workers} workers share {total} bytes in flight "
            f"({ROWS['max_in_flight_bytes'].flag}), and each needs at least {LEAST_IN_FLIGHT}: "
            f"allow {workers * LEAST_IN_FLIGHT} bytes, or {max(1, total // LEAST_IN_FLIGHT)} workers at most."
        )
    return Size(workers, total // workers)


def _fitting(total: int, limits: Limits) -> int:
    # A machine without a limit is there for others too.
    memory = limits.machine // 4 if limits.memory is None else limits.memory
    return max(1, min(limits.cpus, memory // WORKER_MEMORY, total // WORKER_IN_FLIGHT))
