"""OTLP/JSON from the protobuf wire format, for messages of any OTLP type. Pure.

Called by ``records`` for the format ``json``, on whole requests and on their items. Driven by the protobuf descriptors.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import orjson
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.scalars import scalar

# What is larger is made into text piece by piece, each parsed alone: see wire.WHOLE. A piece of empty spans costs 3 MB
# as objects of upb's and 1 MB as Python's; larger pieces are slower, too.
WHOLE = 32 * 1024

Convert = Callable[[Any], Any]


def encode(payload: bytes, message: type[Message], *, whole: int = WHOLE) -> bytes:
    """The serialised ``message`` as compact OTLP/JSON in UTF-8, its fields in the order of their numbers.

    Ids are lowercase hex of whatever length they have; unknown fields are left out, for JSON has no place for them.
    Lists are the texts of their items with commas between. Needs the memory of the text and of two pieces of ``whole``
    bytes (10 or more). Raises wire.Malformed when the payload is no ``message``, or has more than wire.MAX_FIELDS side by
    side.
    """
    shape = _shape(message.DESCRIPTOR)
    try:
        if len(payload) <= whole:
            return orjson.dumps(shape.object(message.FromString(payload)))
        wire.validate(payload, message, whole=whole, slice_bytes=whole)
        return b"".join(_Cutter(payload, whole).message(_range(0, len(payload)), shape))
    except DecodeError:
        raise wire.Malformed(f"the payload is no valid {message.DESCRIPTOR.full_name}") from None


@dataclass(frozen=True)
class _Row:
    """One field: its key, the wire types it may come in, its message or None, and the members that it puts out."""

    key: str
    kinds: frozenset[int]
    convert: Convert | None
    many: bool
    packable: bool
    inner: _Shape | None
    others: tuple[int, ...]


class _Shape:
    """A message type as JSON. What it holds is found when it is first asked for, because types hold themselves."""

    def __init__(self, descriptor: Any) -> None:
        self.descriptor = descriptor
        self.type: type[Message] = GetMessageClass(descriptor)

    @cached_property
    def rows(self) -> dict[int, _Row]:
        """Each field by its number, in that order."""
        return {one.number: _row(one) for one in sorted(self.descriptor.fields, key=lambda one: int(one.number))}

    @cached_property
    def fields(self) -> dict[Any, tuple[str, Convert | None]]:
        """What ``object`` needs of the rows, by the descriptors that protobuf lists values with."""
        by_number = self.descriptor.fields_by_number
        return {by_number[number]: (row.key, row.convert) for number, row in self.rows.items()}

    def object(self, message: Any) -> dict[str, Any]:
        """A message as orjson takes it."""
        fields = self.fields
        found = {}
        for descriptor, value in message.ListFields():
            key, convert = fields[descriptor]
            found[key] = value if convert is None else convert(value)
        return found

    def objects(self, messages: Any) -> list[dict[str, Any]]:
        """A list of messages as orjson takes it."""
        one = self.object
        return [one(message) for message in messages]


@cache
def _shape(descriptor: Any) -> _Shape:
    return _Shape(descriptor)


def _row(one: Any) -> _Row:
    convert: Convert | None
    if one.message_type is not None:
        inner = _shape(one.message_type)
        convert = inner.objects if one.is_repeated else inner.object
        kinds, packable = frozenset({wire.LEN}), False
    else:
        found, inner = scalar(one), None
        convert = _list_of(found.show) if one.is_repeated else found.show
        packable = one.is_repeated and found.kind != wire.LEN
        kinds = frozenset({found.kind, wire.LEN}) if packable else frozenset({found.kind})
    siblings = () if one.containing_oneof is None else one.containing_oneof.fields
    others = tuple(other.number for other in siblings if other.number != one.number)
    return _Row(one.json_name, kinds, convert, one.is_repeated, packable, inner, others)


def _list_of(convert: Convert | None) -> Convert:
    if convert is None:
        return list
    return lambda values: [convert(value) for value in values]


class _Ranges:
    """Places in the payload that count as if they stood one behind the other; a million of them take 16 MB."""

    __slots__ = ("_places", "size")

    def __init__(self) -> None:
        self._places = array("Q")
        self.size = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        places = iter(self._places)
        return zip(places, places, strict=True)

    def add(self, start: int, end: int) -> None:
        """Put one more behind the others."""
        self.size += end - start
        if self._places and self._places[-1] == start:
            self._places[-1] = end
        elif start < end:
            self._places.append(start)
            self._places.append(end)


@dataclass(slots=True)
class _Content:
    """What was found in a large message, by field number: of lists the texts, and the places that are no text yet.

    A field that is no list is a message, whose occurrences count as one behind the other, or a scalar, whose last counts;
    of the members of a oneof only the last one stays.
    """

    texts: dict[int, list[bytes]] = field(default_factory=dict)
    runs: dict[int, _Ranges] = field(default_factory=dict)
    messages: dict[int, _Ranges] = field(default_factory=dict)
    scalars: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Makes text of messages that are too large to be parsed whole: a message is ranges of the payload."""

    payload: bytes
    limit: int

    def message(self, ranges: _Ranges, shape: _Shape) -> list[bytes]:
        """The text of a message, in parts."""
        if ranges.size <= self.limit:
            return [orjson.dumps(shape.object(shape.type.FromString(self._bytes(ranges))))]
        content = _Content()
        for start, end in ranges:
            self._walk(start, end, shape, content)
        for number, run in content.runs.items():
            self._add_items(self._bytes(run), number, shape, content)
        return list(self._text(shape, content))

    def _walk(self, position: int, end: int, shape: _Shape, content: _Content) -> None:
        rows, limit = shape.rows, self.limit
        while position < end:
            first = position
            number, kind, body, position = wire.field(self.payload, first, end)
            row = rows.get(number)
            if row is None or kind not in row.kinds:
                continue
            if row.many:
                run = content.runs.get(number) or content.runs.setdefault(number, _Ranges())
                if run.size + position - first > limit:
                    self._add_items(self._bytes(run), number, shape, content)
                    run = content.runs[number] = _Ranges()
                if position - first > limit:
                    self._add_large(number, (first, body, position), shape, content)
                else:
                    run.add(first, position)
                continue
            for other in row.others:
                content.messages.pop(other, None)
                content.scalars.pop(other, None)
            if row.inner is None:
                content.scalars[number] = (first, position)
            else:
                content.messages.setdefault(number, _Ranges()).add(body, position)

    def _add_large(self, number: int, place: tuple[int, int, int], shape: _Shape, content: _Content) -> None:
        """Make text of an item, or of packed numbers, that is larger than a piece."""
        first, body, end = place
        row = shape.rows[number]
        if row.inner is not None:
            _append(content, number, self.message(_range(body, end), row.inner))
        elif row.packable:
            for piece in self._pieces(body, end, row):
                self._add_items(wire.enclose(number, piece), number, shape, content)
        else:
            self._add_items(self.payload[first:end], number, shape, content)

    def _add_items(self, fields: bytes, number: int, shape: _Shape, content: _Content) -> None:
        items = shape.object(shape.type.FromString(fields)).get(shape.rows[number].key)
        if items:
            _append(content, number, [orjson.dumps(items)[1:-1]])

    def _pieces(self, start: int, end: int, row: _Row) -> Iterator[bytes]:
        """Packed numbers in pieces of about the limit."""
        if wire.VARINT in row.kinds:
            yield from wire.packed(self.payload, start, end, self.limit)
            return
        step = self.limit - self.limit % 8
        yield from (self.payload[at : min(at + step, end)] for at in range(start, end, step))

    def _text(self, shape: _Shape, content: _Content) -> Iterator[bytes]:
        last = b"".join([self.payload[start:end] for start, end in content.scalars.values()])
        scalars = shape.object(shape.type.FromString(last))
        before = b"{"
        for number, row in shape.rows.items():
            if number in content.texts:
                parts = [b"[", *content.texts[number], b"]"]
            elif number in content.messages and row.inner is not None:
                parts = self.message(content.messages[number], row.inner)
            elif row.key in scalars:
                parts = [orjson.dumps(scalars[row.key])]
            else:
                continue
            yield before + orjson.dumps(row.key) + b":"
            yield from parts
            before = b","
        yield b"{}" if before == b"{" else b"}"

    def _bytes(self, ranges: _Ranges) -> bytes:
        return b"".join([self.payload[start:end] for start, end in ranges])


def _range(start: int, end: int) -> _Ranges:
    ranges = _Ranges()
    ranges.add(start, end)
    return ranges


def _append(content: _Content, number: int, text: list[bytes]) -> None:
    texts = content.texts.setdefault(number, [])
    if texts:
        texts.append(b",")
    texts.extend(text)
