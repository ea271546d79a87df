"""Kubernetes quantities."""

import pytest

from kafka_otlp_operator.quantity import whole


@pytest.mark.parametrize(
    ("text", "number"),
    [("256Mi", 268435456), ("1G", 10**9), ("1e9", 10**9), ("128974848", 128974848), (7, 7), ("1.5Gi", 1610612736)],
)
def test_whole(text, number):
    """A quantity is the number that Kubernetes takes it for."""
    assert whole(text) == number


def test_fractions_are_cut():
    """Parts of a byte do not count."""
    assert whole("1500m") == 1


@pytest.mark.parametrize("text", ["", "much", "1 Gi", "1GiB", "--1", "1.2.3"])
def test_no_quantity(text):
    """What Kubernetes would refuse is refused."""
    with pytest.raises(ValueError, match="is no quantity"):
        whole(text)
