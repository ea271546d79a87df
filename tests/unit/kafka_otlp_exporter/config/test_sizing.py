"""How many workers there are, and how much memory the requests of each may hold."""

import pytest

from kafka_otlp_exporter.config.settings import MEBIBYTE, MOST_WORKERS, Settings
from kafka_otlp_exporter.config.sizing import Limits, Size, size, workers

GIBIBYTE = 1024 * MEBIBYTE


def limits(memory: int | None = None, cpus: int = 8, machine: int = 16 * GIBIBYTE) -> Limits:
    """Limits with a lot of room."""
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
    """One worker for each CPU, as long as each has 256 MiB of memory and 32 MiB in flight."""
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
    """The scarcest resource limits the number; it is at least one and at most the maximum of the option."""
    assert workers(cpus, in_flight, memory) == expected


def test_what_was_set_holds():
    """The limits of the machine do not change a value that was set."""
    assert size(Settings(workers=3, max_in_flight_bytes=30 * MEBIBYTE), limits(cpus=1)) == Size(3, 10 * MEBIBYTE)
    assert size(Settings(workers=1), limits()) == Size(1, 256 * MEBIBYTE)


def test_a_small_budget_is_not_divided_unasked():
    """Otherwise the largest request would become smaller than Collectors send."""
    assert size(Settings(max_in_flight_bytes=63 * MEBIBYTE), limits()).workers == 1
    assert size(Settings(max_in_flight_bytes=64 * MEBIBYTE), limits()) == Size(2, 32 * MEBIBYTE)


def test_workers_that_would_hold_too_little_are_refused():
    """The sentence says what to do instead."""
    with pytest.raises(ValueError, match=r"allow 16777216 bytes, or 2 workers at most\.$") as caught:
        size(Settings(workers=4, max_in_flight_bytes=8 * MEBIBYTE), limits())
    assert str(caught.value).startswith(
        "--workers: 4 workers share 8388608 bytes in flight (--max-in-flight-bytes), and each needs at least 4194304: "
    )
