"""Statistics of the benchmark."""

import pytest

from tests.bench.figures import Spread, Verdict, compare, percentile, spread


def test_a_spread_is_the_median_between_the_least_and_the_most():
    assert spread([3.0, 1.0, 2.0]) == Spread(1.0, 2.0, 3.0)
    assert spread([4.0, 1.0]) == Spread(1.0, 2.5, 4.0)


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1), (0.5, 1), (99.5, 100)], ids=str
)
def test_a_percentile_is_the_value_of_the_nearest_rank(percent: float, expected: int):
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_a_single_value_is_every_percentile():
    assert [percentile([7], percent) for percent in (1, 50, 99)] == [7, 7, 7]


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        (Spread(1, 2, 3), Spread(4, 5, 6), Verdict.LESS),
        (Spread(4, 5, 6), Spread(1, 2, 3), Verdict.MORE),
        (Spread(1, 2, 4), Spread(4, 5, 6), Verdict.LEVEL),
        (Spread(1, 5, 9), Spread(2, 3, 4), Verdict.LEVEL),
    ],
)
def test_a_verdict_needs_spreads_that_do_not_overlap(ours: Spread, theirs: Spread, verdict: Verdict):
    assert compare(ours, theirs) is verdict
