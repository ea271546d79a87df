"""Whether a protobuf request is what it claims to be. A sound request is left byte for byte as it came. Pure.

A parser looks at every item. Ids of a wrong length are looked for in the first and the last items of each scope only: a sender
writes all of its ids in one way, and a look at every id costs more than parsing. When something is wrong, ``mending`` looks
at everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from kafka_otlp_exporter.otlp import mending, wire
from kafka_otlp_exporter.otlp.checked import Checked
from kafka_otlp_exporter.otlp.signals import ID_BYTES, SIGNALS, Signal, SignalRow
from kafka_otlp_exporter.otlp.wire import Malformed, TooManyFields

# So many items at each end of a scope are looked at.
_ENDS = 2


def check(payload: bytes, signal: Signal, *, whole: int = wire.PARSED_WHOLE_BYTES) -> Checked:
    """The request without its bad items and with its strings repaired, or the very payload when it is sound.

    A payload of more than ``whole`` bytes is parsed in slices. Raises Malformed when it is no request of the signal, and names
    the endpoint that it belongs to where it can be told.
    """
    if not payload:
        return Checked(payload, 0)
    row = SIGNALS[signal]
    items = _sound_items(payload, signal, whole)
    if items is not None:
        return Checked(payload, items)
    try:
        return _mended(payload, signal, row, whole)
    except mending.Unreadable as error:
        raise Malformed(f"the payload is no valid {row.request.DESCRIPTOR.full_name}: {error}") from None


def _mended(payload: bytes, signal: Signal, row: SignalRow, whole: int) -> Checked:
    place = mending.first_item(payload, row)
    if place is None and not mending.has_containers(payload):
        _refuse_another_signal(payload, signal, whole)
        raise Malformed(f"the payload holds no field of an {_name(row)}")
    if place is not None and mending.mistakes_types(payload, place, row):
        _refuse_another_signal(payload, signal, whole)
    found = mending.mend(payload, row)
    if found.rejected and not found.items:
        _refuse_another_signal(payload, signal, whole)
    return found


def _sound_items(payload: bytes, signal: Signal, whole: int) -> int | None:
    """The number of items of a sound request; None when something is wrong, or there is no field of the request at all."""
    row = SIGNALS[signal]
    path = row.item_path[:3]
    names = wire.names(row.request.DESCRIPTOR, path)
    filled = False
    try:
        for piece in wire.parsed(payload, row.request, whole=whole):
            if not _is_sound(piece, names, _SOUND[signal]):
                return None
            filled = filled or bool(getattr(piece, names[0]))
            if filled and len(payload) <= whole:
                return wire.count_parsed(piece, names)
            del piece  # or two of them were in memory while the next one is parsed
    except TooManyFields:
        raise
    except Malformed:
        return None
    return wire.count_items(payload, path) if filled else None


def _is_sound(request: Any, names: Sequence[str], sound: Callable[[Any], bool] | None) -> bool:
    resources, scopes, items = names
    looked = False
    for resource in getattr(request, resources):
        if mending.RETIRED in _unknown(resource):
            return False
        for scope in getattr(resource, scopes):
            found = getattr(scope, items)
            if found and not looked:
                looked = True
                if _has_misread_fields(found[0]):
                    return False
            if sound is not None and not all(map(sound, _ends(found))):
                return False
    return True


def _ends(items: Any) -> Any:
    return items if len(items) <= 2 * _ENDS else chain(items[:_ENDS], items[-_ENDS:])


def _has_misread_fields(item: Any) -> bool:
    """Whether a known field has another wire type than its own: a parser keeps it as an unknown field."""
    return any(number in item.DESCRIPTOR.fields_by_number for number in _unknown(item))


def _unknown(message: Message) -> Sequence[int]:
    """The numbers of the fields that the parser kept as unknown ones."""
    found = UnknownFieldSet(message)
    return [found[index].field_number for index in range(len(found))] if len(found) else ()


def _fits(content: bytes, name: str) -> bool:
    return len(content) in (0, ID_BYTES[name])


def _sound_span(span: Any) -> bool:
    return _sound_ids(span) and _fits(span.parent_span_id, "parent_span_id") and all(map(_sound_ids, span.links))


def _sound_ids(holder: Any) -> bool:
    return _fits(holder.trace_id, "trace_id") and _fits(holder.span_id, "span_id")


_SOUND: Mapping[Signal, Callable[[Any], bool] | None] = {
    Signal.TRACES: _sound_span,
    Signal.METRICS: None,  # of metrics only exemplars have ids, and hardly any data point has exemplars
    Signal.LOGS: _sound_ids,
}


def _refuse_another_signal(payload: bytes, signal: Signal, whole: int) -> None:
    """Raise Malformed when the payload is a request of another signal; one of more than ``whole`` bytes is not tried."""
    for other in Signal if len(payload) <= whole else ():
        if other is not signal and _is_likely(payload, other, whole):
            raise Malformed(
                f"the payload is no {_name(SIGNALS[signal])}, but it looks like {other.value}: send it to "
                f"{SIGNALS[other].method.strip('/')}, or over HTTP to /v1/{other.value}"
            )


def _is_likely(payload: bytes, signal: Signal, whole: int) -> bool:
    """Whether the first item has what each item of the signal has, and nothing else: many bytes parse as several signals."""
    row = SIGNALS[signal]
    if not _sound_items(payload, signal, whole):
        return False
    start, end = mending.first_item(payload, row) or (0, 0)
    item: Any = mending.item_type(row).FromString(payload[start:end])
    return not _unknown(item) and _LIKELY[signal](item)


_LIKELY: Mapping[Signal, Callable[[Any], bool]] = {
    Signal.TRACES: lambda span: len(span.trace_id) == ID_BYTES["trace_id"] and len(span.span_id) == ID_BYTES["span_id"],
    Signal.METRICS: lambda metric: bool(metric.name) and metric.WhichOneof("data") is not None,
    Signal.LOGS: lambda log: log.time_unix_nano > 0 or log.observed_time_unix_nano > 0,
}


def _name(row: SignalRow) -> str:
    return str(row.request.DESCRIPTOR.full_name)
