"""What is measured, and the statistics of it. It is pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Measure:
    """One figure of a run. Less of it is better. ``digits`` are those after the decimal point."""

    key: str
    title: str
    unit: str
    digits: int


CPU = Measure("cpu", "CPU time per million items", "s", 2)
PEAK = Measure("peak", "Peak memory", "MiB", 0)
MEDIAN_LATENCY = Measure("p50", "Median latency", "ms", 1)
HIGH_LATENCY = Measure("p99", "99th percentile of latency", "ms", 1)
STARTUP = Measure("startup", "Start to first acknowledged request", "s", 2)
IDLE = Measure("idle", "Memory at rest", "MiB", 0)
MEASURES = (CPU, PEAK, MEDIAN_LATENCY, HIGH_LATENCY, STARTUP, IDLE)

# The figures of one run, by the key of the measure.
Run = Mapping[str, float]


@dataclass(frozen=True)
class Spread:
    """The median of some repetitions, between the least and the most of them."""

    least: float
    median: float
    most: float


class Verdict(StrEnum):
    """How two spreads lie to each other."""

    LESS = "less"
    MORE = "more"
    LEVEL = "level"


def spread(values: Sequence[float]) -> Spread:
    """The spread of one measure's values; there is at least one."""
    return Spread(min(values), statistics.median(values), max(values))


def compare(ours: Spread, theirs: Spread) -> Verdict:
    """LESS or MORE where every value of the one side is below every value of the other; LEVEL where they overlap."""
    if ours.most < theirs.least:
        return Verdict.LESS
    if ours.least > theirs.most:
        return Verdict.MORE
    return Verdict.LEVEL


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the least value that ``percent`` of 100 values do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(percent / 100 * len(ordered)), 1) - 1]
