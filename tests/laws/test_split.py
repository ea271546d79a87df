"""Splitting loses nothing, doubles nothing, keeps the order, and never exceeds the limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kafka_otlp_exporter.signals import SIGNALS, Signal
from kafka_otlp_exporter.split import MOST_GROWTH, split
from tests.laws.requests import REQUESTS, items

LIMITS = st.integers(20, 600)


@given(REQUESTS, LIMITS)
def test_parts_hold_every_item_once_and_in_order_but_the_oversized(request: tuple[Signal, bytes], limit: int) -> None:
    """And no part exceeds the limit, and what is oversized does."""
    signal, payload = request
    parts = split(payload, SIGNALS[signal].item_path, limit)
    assert all(len(part) <= limit for part in parts.requests)
    assert all(oversized.size > limit for oversized in parts.oversized)
    sent = items(signal, payload)
    delivered = [item for part in parts.requests for item in items(signal, part)]
    assert len(delivered) + sum(oversized.items for oversized in parts.oversized) + parts.surplus == len(sent)
    assert sum(len(part) for part in parts.requests) <= MOST_GROWTH * len(payload) + limit
    remaining = iter(sent)
    assert all(item in remaining for item in delivered)
