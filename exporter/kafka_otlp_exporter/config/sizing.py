"""How many workers serve, and how much memory the requests of each may hold. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kafka_otlp_exporter.config.settings import (
    LEAST_IN_FLIGHT,
    MEBIBYTE,
    MOST_WORKERS,
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
    """The size that was asked for, or one that fits the limits. Raises ValueError when a worker would hold too little."""
    total = settings.max_in_flight_bytes or in_flight_bytes(limits.memory)
    # A machine without a limit is there for others too.
    memory = limits.machine // 4 if limits.memory is None else limits.memory
    count = settings.workers or workers(limits.cpus, total, memory)
    if total // count < LEAST_IN_FLIGHT:
        raise ValueError(
            f"{ROWS['workers'].flag}: {count} workers share {total} bytes in flight "
            f"({ROWS['max_in_flight_bytes'].flag}), and each needs at least {LEAST_IN_FLIGHT}: "
            f"allow {count * LEAST_IN_FLIGHT} bytes, or {max(1, total // LEAST_IN_FLIGHT)} workers at most."
        )
    return Size(count, total // count)


def workers(cpus: int, in_flight: int, memory: int | None = None) -> int:
    """How many workers fit: one for each CPU, as far as each gets its part of the memory and of the bytes in flight.

    ``in_flight`` and ``memory`` are bytes for all of them; without ``memory`` there is no limit to keep to.
    """
    parts = [cpus, in_flight // WORKER_IN_FLIGHT, MOST_WORKERS]
    if memory is not None:
        parts.append(memory // WORKER_MEMORY)
    return max(1, min(parts))
