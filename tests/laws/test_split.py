"""Splitting loses nothing, doubles nothing, keeps the order, never exceeds the limit, and makes as few parts as can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafka_otlp_exporter.config.sizing import RECORD_OVERHEAD_BYTES
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.records.packing import Allowance
from kafka_otlp_exporter.records.split import split
from tests.laws.requests import REQUESTS, Item, from_json, items, only

FORMS = pytest.mark.parametrize("form", Format)
LIMITS = st.integers(20, 600)
PLENTY = 10**12


def read(signal: Signal, part: bytes, form: Format) -> list[Item]:
    """The items of a part."""
    return items(signal, from_json(signal, part) if form is Format.JSON else part)


def size(signal: Signal, payload: bytes, form: Format) -> int:
    """How large a request is in a form."""
    return len(encode(payload, SIGNALS[signal].request) if form is Format.JSON else payload)


def in_order(found: Iterable[Item], among: Iterable[Item]) -> bool:
    """Whether what was found stands among others in the same order, each once."""
    remaining: Iterator[Item] = iter(among)
    return all(item in remaining for item in found)


@FORMS
@given(REQUESTS, LIMITS)
def test_parts_hold_every_item_once_and_in_order_but_the_oversized(
    form: Format, request: tuple[Signal, bytes], limit: int
) -> None:
    """And no part exceeds the limit, and what is oversized does."""
    signal, payload = request
    parts = split(payload, SIGNALS[signal], form, limit, Allowance(PLENTY, PLENTY))
    assert all(len(part) <= limit for part in parts.requests)
    assert parts.oversized is None or parts.oversized.size > limit
    sent = items(signal, payload)
    delivered = [item for part in parts.requests for item in read(signal, part, form)]
    assert len(delivered) + (parts.oversized.items if parts.oversized else 0) == len(sent)
    assert parts.surplus == 0
    assert in_order(delivered, sent)


@FORMS
@given(REQUESTS, LIMITS)
def test_parts_are_as_few_as_can_be(form: Format, request: tuple[Signal, bytes], limit: int) -> None:
    """Each is filled with item after item until the next would not fit, which is the fewest parts in that order."""
    signal, payload = request
    sent = items(signal, payload)
    payload = only(signal, payload, set(range(len(sent))))
    expected: list[set[int]] = []
    oversized: list[int] = []
    for number in range(len(sent)):
        alone = size(signal, only(signal, payload, {number}), form)
        if alone > limit:
            oversized.append(alone)
        elif expected and size(signal, only(signal, payload, expected[-1] | {number}), form) <= limit:
            expected[-1].add(number)
        else:
            expected.append({number})
    parts = split(payload, SIGNALS[signal], form, limit, Allowance(PLENTY, PLENTY))
    assert [read(signal, part, form) for part in parts.requests] == [
        [sent[number] for number in sorted(numbers)] for numbers in expected
    ]
    assert [len(part) for part in parts.requests] == [
        size(signal, only(signal, payload, numbers), form) for numbers in expected
    ]
    told = parts.oversized
    assert ((told.items, told.size) if told else (0, 0)) == (len(oversized), max(oversized, default=0))


@FORMS
@given(REQUESTS, LIMITS, st.integers(0, 8000), st.integers(0, 5))
def test_parts_never_have_more_than_their_allowance(
    form: Format, request: tuple[Signal, bytes], limit: int, most: int, records: int
) -> None:
    """They are the first of those that there would be, the last one cut short; the rest is counted."""
    signal, payload = request
    parts = split(payload, SIGNALS[signal], form, limit, Allowance(most, records), key=16)
    assert sum(len(part) + 16 + RECORD_OVERHEAD_BYTES for part in parts.requests) <= most
    assert len(parts.requests) <= records
    sent = items(signal, payload)
    delivered = [item for part in parts.requests for item in read(signal, part, form)]
    assert len(delivered) + (parts.oversized.items if parts.oversized else 0) + parts.surplus == len(sent)
    assert in_order(delivered, sent)
