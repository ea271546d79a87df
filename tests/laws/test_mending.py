"""Laws of requests with faults: no item is lost, and nothing but the faults is changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp.check import check
from kafka_otlp_exporter.otlp.json_decode import decode, keys_of
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.otlp.wire import count_items, enclose
from kafka_otlp_exporter.records.making import Layout, records

# Where each signal has a string, its first id, and a message in an item; and what is around an item.
STRING = {Signal.TRACES: 5, Signal.LOGS: 3, Signal.METRICS: 1}
ID = {Signal.TRACES: 1, Signal.LOGS: 9}
ATTRIBUTES = {Signal.TRACES: 9, Signal.LOGS: 6, Signal.METRICS: 12}


@dataclass(frozen=True)
class Item:
    """An item: its string, and whether it cannot be read."""

    text: bytes
    broken: bool


@dataclass(frozen=True)
class Scope:
    """The items of one sender, whose ids have all one length; ``retired``: in the field that senders used before 2022."""

    items: list[Item]
    id_bytes: int
    retired: bool


ITEMS = st.builds(Item, st.binary(max_size=6) | st.text(max_size=4).map(str.encode), st.booleans())
SCOPES = st.builds(Scope, st.lists(ITEMS, max_size=6), st.sampled_from([0, 16, 16, 16, 8]), st.booleans())
REQUESTS = st.tuples(st.sampled_from(Signal), st.lists(st.lists(SCOPES, max_size=3), min_size=1, max_size=3))


def body(signal: Signal, scope: Scope, item: Item, text: bytes) -> bytes:
    """An item's bytes."""
    made = enclose(STRING[signal], text)
    if signal in ID:
        made += enclose(ID[signal], b"i" * scope.id_bytes) if scope.id_bytes else b""
    else:
        made += enclose(7, enclose(1, b""))  # a data point
    return made + (enclose(ATTRIBUTES[signal], b"\x0a\x7f") if item.broken else b"")


def is_good(signal: Signal, scope: Scope, item: Item) -> bool:
    """Whether an item is to be delivered."""
    return not item.broken and (signal not in ID or scope.id_bytes in (0, 16))


def sent(signal: Signal, resources: list[list[Scope]]) -> bytes:
    """The request as a sender writes it."""

    def scope_of(scope: Scope) -> bytes:
        items = b"".join(enclose(2, body(signal, scope, item, item.text)) for item in scope.items)
        return enclose(1000 if scope.retired else 2, items)

    return b"".join(enclose(1, b"".join(map(scope_of, scopes))) for scopes in resources)


def wanted(signal: Signal, resources: list[list[Scope]]) -> bytes:
    """The request without its bad items, in UTF-8, all scopes in today's field."""

    def scope_of(scope: Scope) -> bytes:
        good = [item for item in scope.items if is_good(signal, scope, item)]
        return enclose(2, b"".join(enclose(2, body(signal, scope, one, repaired(one.text))) for one in good))

    return b"".join(enclose(1, b"".join(map(scope_of, scopes))) for scopes in resources)


def repaired(text: bytes) -> bytes:
    """The text in UTF-8."""
    return text.decode(errors="replace").encode()


def good_and_all(signal: Signal, resources: list[list[Scope]]) -> tuple[int, int]:
    """How many items are to be delivered, and how many there are."""
    every = [is_good(signal, scope, item) for scopes in resources for scope in scopes for item in scope.items]
    return sum(every), len(every)


@given(request=REQUESTS)
def test_bad_items_alone_are_left_out_and_strings_alone_are_repaired(request: tuple[Signal, Any]):
    """Everything else stays byte for byte, and the result parses and needs no mending."""
    signal, resources = request
    good, every = good_and_all(signal, resources)
    checked = check(sent(signal, resources), signal)
    assert checked.payload == wanted(signal, resources)
    assert (checked.items, checked.rejected) == (good, every - good)
    SIGNALS[signal].request.FromString(checked.payload)
    assert check(checked.payload, signal) == type(checked)(checked.payload, good)


@given(
    request=REQUESTS,
    encoding=st.sampled_from(Format),
    keys=st.sampled_from(["none", "resource", "trace"]),
    largest=st.sampled_from([1_000_000, 300]),
)
def test_accepted_and_rejected_items_are_the_items_sent(
    request: tuple[Signal, Any], encoding: Format, keys: str, largest: int
):
    """In each format, key and split."""
    signal, resources = request
    row = SIGNALS[signal]
    option = {"resource": row.resource_option, "trace": row.trace_option or row.resource_option}.get(keys)
    options = Options.model_validate({"format": encoding} | ({option: True} if option else {}))
    batch = records(signal, sent(signal, resources), Layout.of(options, largest))
    rejected = batch.rejected.items if batch.rejected else 0
    values = [one.value for one in batch.records]
    if encoding is Format.JSON:
        values = [decode(value, row.request)[0] for value in values]
    accepted = sum(count_items(value, row.item_path) for value in values)
    assert accepted + rejected == good_and_all(signal, resources)[1]


def as_json(signal: Signal, resources: list[list[Scope]]) -> bytes:
    """The request as a sender of JSON writes it, its faults in JSON's own forms."""
    first, second, third = (
        name for name, _ in keys_of(SIGNALS[signal].request.DESCRIPTOR, SIGNALS[signal].item_path[:3])
    )

    def item(scope: Scope, one: Item) -> dict[str, Any]:
        made: dict[str, Any] = {"attributes" if signal is not Signal.METRICS else "metadata": 5 if one.broken else []}
        if signal is Signal.METRICS:
            return made | {"sum": {"dataPoints": [{}]}}
        return made | {"traceId": "ab" * scope.id_bytes}

    return json.dumps(
        {
            first: [
                {second: [{third: [item(scope, one) for one in scope.items]} for scope in scopes]}
                for scopes in resources
            ]
        }
    ).encode()


@given(
    request=REQUESTS,
    encoding=st.sampled_from(Format),
    keys=st.sampled_from(["none", "resource", "trace"]),
    largest=st.sampled_from([1_000_000, 300]),
)
def test_accepted_and_rejected_items_of_json_are_the_items_sent(
    request: tuple[Signal, Any], encoding: Format, keys: str, largest: int
):
    """In each format, key and split."""
    signal, resources = request
    row = SIGNALS[signal]
    option = {"resource": row.resource_option, "trace": row.trace_option or row.resource_option}.get(keys)
    options = Options.model_validate({"format": encoding} | ({option: True} if option else {}))
    batch = records(signal, as_json(signal, resources), Layout.of(options, largest), Format.JSON)
    rejected = batch.rejected.items if batch.rejected else 0
    values = [one.value for one in batch.records]
    if encoding is Format.JSON:
        values = [decode(value, row.request)[0] for value in values]
    accepted = sum(count_items(value, row.item_path) for value in values)
    good, every = good_and_all(signal, resources)
    assert accepted + rejected == every
    assert rejected >= every - good
