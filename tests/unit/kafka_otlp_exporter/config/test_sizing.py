"""How many workers there are, and what each may hold."""

import pytest

from kafka_otlp_exporter.config.settings import MEBIBYTE, MOST_WORKERS, Settings
from kafka_otlp_exporter.config.sizing import Limits, Size, size, workers

GIBIBYTE = 1024 * MEBIBYTE


def limits(memory: int | None = None, cpus: int = 8, machine: int = 16 * GIBIBYTE) -> Limits:
    """Limits in which much fits."""
    return Limits(memory=memory, machine=machine, cpus=cpus)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (limits(), Size(8, 32 * MEBIBYTE)),
        (limits(cpus=2), Size(2, 128 * MEBIBYTE)),
        (limits(cpus=64), Size(8, 32 * MEBIBYTE)),
        (limits(machine=2 * GIBIBYTE), Size(2, 128 * MEBIBYTE)),
        (limits(256 * MEBIBYTE), Size(1, 32 * MEBIBYTE)),
        (limits(GIBIBYTE), Size(4, 32 * MEBIBYTE)),
        (limits(GIBIBYTE, cpus=1), Size(1, 128 * MEBIBYTE)),
        (limits(16 * MEBIBYTE), Size(1, 4 * MEBIBYTE)),
    ],
)
def test_what_was_not_set_follows_the_limits(given: Limits, expected: Size):
    """A worker a CPU, as far as memory goes: 256 MiB for each, and 32 MiB in flight."""
    assert size(Settings(), given) == expected


@pytest.mark.parametrize(
    ("cpus", "in_flight", "memory", "expected"),
    [
        (4, 256 * MEBIBYTE, None, 4),
        (16, 256 * MEBIBYTE, None, 8),
        (16, 256 * MEBIBYTE, GIBIBYTE, 4),
        (16, 64 * MEBIBYTE, GIBIBYTE, 2),
        (2, 1, 1, 1),
        (10_000, 10_000 * GIBIBYTE, 10_000 * GIBIBYTE, MOST_WORKERS),
    ],
)
def test_workers_fit(cpus: int, in_flight: int, memory: int | None, expected: int):
    """Whatever is scarcest sets their number; there is always one, and never more than may be asked for."""
    assert workers(cpus, in_flight, memory) == expected


def test_what_was_set_holds():
    """Whatever the limits say."""
    assert size(Settings(workers=3, max_in_flight_bytes=30 * MEBIBYTE), limits(cpus=1)) == Size(3, 10 * MEBIBYTE)
    assert size(Settings(workers=1), limits()) == Size(1, 256 * MEBIBYTE)


def test_a_small_budget_is_not_divided_unasked():
    """The largest request would become smaller than Collectors send."""
    assert size(Settings(max_in_flight_bytes=63 * MEBIBYTE), limits()).workers == 1
    assert size(Settings(max_in_flight_bytes=64 * MEBIBYTE), limits()) == Size(2, 32 * MEBIBYTE)


def test_workers_that_would_hold_too_little_are_refused():
    """With what to do instead."""
    with pytest.raises(ValueError, match=r"allow 16777216 bytes, or 2 workers at most\.$") as caught:
        size(Settings(workers=4, max_in_flight_bytes=8 * MEBIBYTE), limits())
    assert str(caught.value).startswith(
        "--workers: 4 workers share 8388608 bytes in flight (--max-in-flight-bytes), and each needs at least 4194304: "
    )
