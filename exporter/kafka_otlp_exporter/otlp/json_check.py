"""Whether a request in OTLP/JSON is what it claims to be. What cannot be read costs its item. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kafka_otlp_exporter.otlp import json_decode
from kafka_otlp_exporter.otlp.checked import Checked
from kafka_otlp_exporter.otlp.json_decode import keys_of, member
from kafka_otlp_exporter.otlp.json_text import MOST_VALUES, parse_repaired
from kafka_otlp_exporter.otlp.scalars import Unfit
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal, SignalRow
from kafka_otlp_exporter.otlp.wire import Malformed, TooManyFields

# How many steps of an item path lead to a span, a log record or a metric, and to a data point.
_ITEM_STEPS = 3
_POINT_STEPS = 5


def check_json(text: bytes, signal: Signal, most: int = MOST_VALUES) -> Checked:
    """The request of ``signal`` in protobuf, without its bad items and with half surrogate pairs replaced by U+FFFD.

    ``most`` is how many values the text may have, an object counting as two. Raises wire.Malformed when the text is no JSON
    object, or no request of the signal, and names the endpoint that it belongs to where it can be told.
    """
    row = SIGNALS[signal]
    parsed, values, repaired = parse_repaired(text, most)
    _refuse_what_is_no_request(parsed, signal)
    rejected, flaw = 0, ""
    payload, wrong = _serialised(parsed, values, row)
    if wrong:
        rejected, flaw = _prune(parsed, row)
        payload, wrong = _serialised(parsed, values, row) if rejected else (b"", wrong)
    if wrong:  # also outside of the items
        raise Malformed(wrong)
    items = json_decode.count(parsed, row.request, row.item_path[:_ITEM_STEPS])
    return Checked(payload, items, rejected, flaw, repaired, "a string of a JSON body" if repaired else "")


def _serialised(parsed: Any, values: int, row: SignalRow) -> tuple[bytes, str]:
    """The request in protobuf, or the sentence that says what is wrong.

    The error itself is not kept: its frames have the content.
    """
    try:
        return json_decode.serialise(parsed, values, row.request), ""
    except Unfit as wrong:
        return b"", wrong.sentence()
    except TooManyFields:
        raise
    except Malformed as error:
        return b"", str(error)


def _refuse_what_is_no_request(parsed: Any, signal: Signal) -> None:
    """Raise Malformed for an object that has members but not the one of a request."""
    if type(parsed) is not dict or not parsed or _container(parsed, signal):
        return
    name = SIGNALS[signal].request.DESCRIPTOR.full_name
    for other in Signal:
        if _container(parsed, other):
            raise Malformed(
                f"the body is no {name}, but holds {other.value}: send it to /v1/{other.value}, or over gRPC to "
                f"{SIGNALS[other].method.strip('/')}"
            )
    raise Malformed(f"the body holds no field of an {name}")


def _container(parsed: dict[str, Any], signal: Signal) -> bool:
    row = SIGNALS[signal]
    return any(key in parsed for key in keys_of(row.request.DESCRIPTOR, row.item_path[:1])[0])


def _prune(parsed: Any, row: SignalRow) -> tuple[int, str]:
    """Remove the items that cannot be serialised. How many there were, and the sentence about the first."""
    rejected, flaw = 0, ""
    descriptor: Any = row.request.DESCRIPTOR
    for [number] in row.item_path[:_ITEM_STEPS]:
        descriptor = descriptor.fields_by_number[number].message_type
    for path, items in _lists(parsed, keys_of(row.request.DESCRIPTOR, row.item_path[:_ITEM_STEPS]), ""):
        kept = []
        for index, item in enumerate(items):
            lost, why, stays = _salvage(item, descriptor, row, f"{path}[{index}]")
            rejected, flaw = rejected + lost, flaw or why
            if stays:
                kept.append(item)
        items[:] = kept
    return rejected, flaw


def _lists(holder: Any, keys: Sequence[tuple[str, str]], path: str) -> Iterator[tuple[str, list[Any]]]:
    """The lists of items of a request, with their paths. The walk passes over values of other types."""
    found = member(holder, keys[0]) if type(holder) is dict else None
    if type(found) is not list:
        return
    place = f"{path}.{keys[0][0]}" if path else keys[0][0]
    if len(keys) == 1:
        yield place, found
        return
    for index, one in enumerate(found):
        yield from _lists(one, keys[1:], f"{place}[{index}]")


def _salvage(item: Any, descriptor: Any, row: SignalRow, path: str) -> tuple[int, str, bool]:
    """How many items are lost with an item, why, and whether it stays: a metric stays without its bad data points."""
    flaw = _flaw(item, descriptor, _ITEM_STEPS, path)
    if not flaw:
        return 0, "", True
    lost, first, left = 0, "", 0
    for place, points, kind in _point_lists(item, descriptor, row, path):
        flaws = [_flaw(point, kind, _POINT_STEPS, f"{place}[{index}]") for index, point in enumerate(points)]
        points[:] = [point for point, why in zip(points, flaws, strict=True) if not why]
        left += len(points)
        lost += sum(map(bool, flaws))
        first = first or next(filter(None, flaws), "")
    if lost and not _flaw(item, descriptor, _ITEM_STEPS, path):
        return lost, first, True
    return max(1, lost + left), first or flaw, False


def _point_lists(item: Any, descriptor: Any, row: SignalRow, path: str) -> Iterator[tuple[str, list[Any], Any]]:
    """The lists of data points of a metric, with their paths and the type of their points; none for other items."""
    for number in sorted(row.item_path[_ITEM_STEPS]) if len(row.item_path) > _ITEM_STEPS else ():
        kind = descriptor.fields_by_number[number]
        points = kind.message_type.fields_by_number[1]
        data = member(item, (kind.json_name, kind.name)) if type(item) is dict else None
        found = member(data, (points.json_name, points.name)) if type(data) is dict else None
        if type(found) is list:
            yield f"{path}.{kind.json_name}.{points.json_name}", found, points.message_type


def _flaw(value: Any, descriptor: Any, depth: int, path: str) -> str:
    """The sentence about what is wrong with a message at this path; empty when nothing is."""
    try:
        json_decode.try_item(value, descriptor, depth)
    except Unfit as wrong:
        wrong.steps.append(path)
        return wrong.sentence()
    except Malformed as error:
        return f"{path}: {error}"
    return ""
