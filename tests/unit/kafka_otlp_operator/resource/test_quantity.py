"""Kubernetes quantities."""

import re

import pytest

from kafka_otlp_operator.resource import quantity
from kafka_otlp_operator.resource.quantity import rounded_up, whole


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("256Mi", 268435456),
        ("1G", 10**9),
        ("1e9", 10**9),
        ("128974848", 128974848),
        (7, 7),
        ("1.5Gi", 1610612736),
        (".5Ki", 512),
        ("-1", -1),
    ],
)
def test_whole(text, number):
    """A quantity has the value that Kubernetes gives it."""
    assert whole(text) == number


def test_fractions_are_cut():
    """A part of a byte is dropped."""
    assert whole("1500m") == 1


@pytest.mark.parametrize(("text", "number"), [("250m", 1), ("1", 1), (2, 2), ("2001m", 3), ("0", 0), ("-1500m", -1)])
def test_rounded_up(text, number):
    """A part of a CPU counts as one."""
    assert rounded_up(text) == number


@pytest.mark.parametrize(
    "text", ["", "much", "1 Gi", "1GiB", "--1", "1.2.3", "1e900000", "1e-900000", "1" * 5000, "0." + "1" * 21]
)
def test_no_quantity(text):
    """Texts that Kubernetes would refuse are refused."""
    with pytest.raises(ValueError, match="is not a quantity"):
        whole(text)


def test_the_largest_costs_nothing():
    """The largest number that the pattern allows is computed at once, so no quantity can block the operator."""
    assert whole("9" * 20 + "e99") == (10**20 - 1) * 10**99


def test_what_cannot_be_computed_is_no_quantity(monkeypatch):
    """An arithmetic error becomes the same ValueError as any other wrong quantity."""
    monkeypatch.setattr(quantity, "PATTERN", re.sub(r"\{1,2\}", "+", quantity.PATTERN))
    with pytest.raises(ValueError, match="no machine has"):
        whole("1e999999999999999999999")
