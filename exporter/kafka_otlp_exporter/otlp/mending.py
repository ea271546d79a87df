"""Saves what can be saved of a protobuf request: bad items are left out, strings that are no UTF-8 are repaired. Pure.

It looks at every field, which takes a hundred times as long as parsing. Sources: the protobuf documentation, "Encoding";
WHATWG Encoding, "UTF-8 decoder", for what becomes U+FFFD.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.checked import Checked
from kafka_otlp_exporter.otlp.scalars import scalar
from kafka_otlp_exporter.otlp.signals import ID_BYTES, Resource, SignalRow
from kafka_otlp_exporter.otlp.wire import LEN, MAX_DEPTH, Malformed

# Until 2022 (opentelemetry-proto 0.9 to 0.18) the scopes of a resource were in this field. Their wire format is that of the
# scopes of today, which are in the field SCOPES.
RETIRED = 1000
SCOPES = 2

# How many steps of an item path lead to a span, a log record or a metric, and to a data point.
_ITEM = 3
_POINT = 5
_LONGEST_NAME = 128


# A walk over so many fields takes a second or two of CPU time. Other requests wait meanwhile.
MOST_FIELDS = 500_000


class _Costly(Malformed):
    """The walk has taken long enough."""


class Unreadable(Malformed):
    """The request cannot be walked, so not even the places of its items are known."""


def first_item(payload: bytes, row: SignalRow) -> tuple[int, int] | None:
    """Where the body of the first item begins and ends; None when there is none. Raises Unreadable."""

    def within(start: int, end: int, depth: int) -> tuple[int, int] | None:
        if depth == _ITEM:
            return start, end
        while start < end:
            number, kind, body, start = wire.field(payload, start, end)
            if kind == LEN and (number in row.item_path[depth] or (depth == 1 and number == RETIRED)):
                found = within(body, start, depth + 1)
                if found is not None:
                    return found
        return None

    try:
        return within(0, len(payload), 0)
    except Malformed as error:
        raise Unreadable(str(error)) from None


def has_containers(payload: bytes) -> bool:
    """Whether a request has a resource with or without items. Raises Malformed when the bytes are no fields."""
    position = 0
    while position < len(payload):
        number, kind, _, position = wire.field(payload, position, len(payload))
        if number == 1 and kind == LEN:
            return True
    return False


def _item_descriptor(row: SignalRow) -> Any:
    """The descriptor of Span, Metric or LogRecord."""
    descriptor: Any = row.request.DESCRIPTOR
    for [number] in row.item_path[:_ITEM]:
        descriptor = descriptor.fields_by_number[number].message_type
    return descriptor


def item_type(row: SignalRow) -> type[Message]:
    """Span, Metric or LogRecord."""
    return GetMessageClass(_item_descriptor(row))


def mistakes_types(payload: bytes, place: tuple[int, int], row: SignalRow) -> bool:
    """Whether the item there has a known field of another wire type, as an item of another signal has."""
    descriptor = _item_descriptor(row)
    position, end = place
    try:
        while position < end:
            number, kind, _, position = wire.field(payload, position, end)
            if not _has_type(descriptor.fields_by_number.get(number), kind):
                return True
    except Malformed:
        return True
    return False


def _has_type(one: Any, kind: int) -> bool:
    if one is None:
        return True
    if one.message_type is not None or one.type == FieldDescriptor.TYPE_STRING:
        return kind == LEN
    return kind == scalar(one).kind or (one.is_repeated and kind == LEN)


def mend(payload: bytes, row: SignalRow) -> Checked:
    """The request without the items that cannot be read, and with every string in UTF-8.

    Everything else stays byte for byte. Scopes in the retired field are moved to today's. Of a metric with a bad data point,
    the other points stay. Raises Unreadable when the damage is outside of the items.
    """
    mender = _Mender(payload, row)
    try:
        made = mender.message(0, len(payload), row.request.DESCRIPTOR, _Place(0, ""))
        made = payload if made is None else made
        items = wire.validate(made, row.request, row.item_path[:_ITEM])
    except Malformed as error:
        raise Unreadable(str(error)) from None
    place = mender.repaired_at and mender.repaired_at + _service(made, mender.repaired_at)
    return Checked(made, items, mender.rejected, mender.flaw, mender.repaired, place)


def _service(payload: bytes, path: str) -> str:
    """The words that name the service of the resource that a path begins with; empty when it has no name."""
    index = int(path.partition("[")[2].partition("]")[0] or 0)
    position = 0
    while position < len(payload):
        number, kind, body, position = wire.field(payload, position, len(payload))
        if number != 1 or kind != LEN:
            continue
        if index == 0:
            resource = Resource.FromString(wire.joined(payload, 1, body, position))
            names = (one.value.string_value for one in resource.attributes if one.key == "service.name")
            name = next(names, "")
            return f" of service {json.dumps(name[:_LONGEST_NAME])}" if name else ""
        index -= 1
    return ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message is: how many steps of the item path lead to it (None: it is beside the path), and its path in words."""

    steps: int | None
    path: str


class _Mender:
    """One walk through a request."""

    def __init__(self, payload: bytes, row: SignalRow) -> None:
        self.rejected = 0
        self.flaw = ""
        self.repaired = 0
        self.repaired_at = ""
        self._payload = payload
        self._row = row
        self._fields = 0
        self._depth = 0

    def message(self, start: int, end: int, descriptor: Any, place: _Place) -> bytes | None:
        """The mended body of a message; None when nothing had to change. Raises Malformed."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Malformed(f"messages are nested more than {MAX_DEPTH} deep")
        made: list[bytes] = []
        kept = position = start
        seen: dict[int, int] = {}
        while position < end:
            first = position
            number, kind, body, position = wire.field(self._payload, first, end)
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise _Costly(
                    f"a string or an item is damaged, and of more than {MOST_FIELDS} fields none is mended; send fewer at once"
                )
            known = SCOPES if number == RETIRED and place.steps == 1 else number
            one = descriptor.fields_by_number.get(known)
            if one is None or kind != LEN:
                continue
            index = seen[known] = seen.get(known, -1) + 1
            inner = self._inside(place, one, index)
            new = self._field(one, body, position, inner)
            if new is None and known != number:
                new = self._payload[body:position]
            if new is not None:
                made.append(self._payload[kept:first])
                made.append(wire.enclose(known, new) if new is not _LEFT_OUT else b"")
                kept = position
        self._depth -= 1
        return b"".join([*made, self._payload[kept:end]]) if made else None

    def _inside(self, place: _Place, one: Any, index: int) -> _Place:
        path = f"{place.path}.{one.json_name}" if place.path else one.json_name
        on_path = place.steps is not None and place.steps < len(self._row.item_path)
        follows = on_path and one.number in self._row.item_path[place.steps or 0]
        return _Place((place.steps or 0) + 1 if follows else None, f"{path}[{index}]" if one.is_repeated else path)

    def _field(self, one: Any, body: int, end: int, place: _Place) -> bytes | None:
        """The new body of a field; None when it stays, _LEFT_OUT when it has to go."""
        if one.message_type is not None:
            if place.steps in (_ITEM, _POINT):
                return self._item(one, body, end, place)
            return self.message(body, end, one.message_type, place)
        if one.type == FieldDescriptor.TYPE_STRING:
            return self._text(self._payload[body:end], place.path)
        if one.type == FieldDescriptor.TYPE_BYTES and (size := ID_BYTES.get(one.name)) and end - body not in (0, size):
            raise Malformed(f"{place.path} has {end - body} bytes, and has to have {size}")
        return None

    def _item(self, one: Any, body: int, end: int, place: _Place) -> bytes | None:
        before = (self._depth, self.rejected, self.repaired, self.repaired_at)
        try:
            new = self.message(body, end, one.message_type, place)
            GetMessageClass(one.message_type).FromString(self._payload[body:end] if new is None else new)
        except _Costly:
            raise
        except DecodeError:
            why = f"{place.path} cannot be read"
        except Malformed as error:
            why = str(error) if str(error).startswith(place.path) else f"{place.path} cannot be read: {error}"
        else:
            return new
        self._depth, self.rejected, self.repaired, self.repaired_at = before
        self.rejected += self._count(body, end, place)
        self.flaw = self.flaw or why
        return _LEFT_OUT

    def _count(self, body: int, end: int, place: _Place) -> int:
        """How many items are lost with one: a metric has several data points."""
        deeper = self._row.item_path[place.steps or 0 :]
        if not deeper:
            return 1
        try:
            return max(1, wire.count_items(self._payload, deeper, body, end))
        except Malformed:
            return 1

    def _text(self, content: bytes, path: str) -> bytes | None:
        try:
            content.decode()
        except UnicodeDecodeError:
            # Python replaces each maximal ill-formed part by one U+FFFD, as WHATWG and Unicode say.
            self.repaired += 1
            if not self.repaired_at:
                self.repaired_at = path
            return content.decode(errors="replace").encode()
        return None


# The object itself is compared: a field may be empty.
_LEFT_OUT = bytes(bytearray(b"left out"))
