"""A batch of values drawn by hypothesis, the same at each run. Called by the tests with a Collector."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

_Value = TypeVar("_Value")


def drawn(strategy: st.SearchStrategy[_Value], count: int) -> list[_Value]:
    """So many values: for what is too slow to be asked about each alone."""
    found: list[_Value] = []

    @seed(20)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: _Value) -> None:
        found.append(value)

    collect()
    return found
