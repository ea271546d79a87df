"""OTLP/JSON from the protobuf wire format, for messages of any OTLP type. Pure.

Called by ``records`` for the format ``json``, on whole requests and on their items. Driven by the protobuf descriptors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import orjson
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from kafka_otlp_exporter import wire
from kafka_otlp_exporter.scalars import scalar

# What is larger is made into text piece by piece, each parsed alone: see wire.WHOLE. A piece of empty spans costs 3 MB
# as objects of upb's and 1 MB as Python's; larger pieces are slower, too.
WHOLE = 32 * 1024

Convert = Callable[[Any], Any]
Range = tuple[int, int]


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
        return b"".join(_Cutter(payload, whole).message([(0, len(payload))], shape))
    except DecodeError:
        raise wire.Malformed(f"the payload is no valid {message.DESCRIPTOR.full_name}") from None


@dataclass(frozen=True)
class _Row:
    """One field: its names, the wire types it may come in, its message or None, and what puts it out of its oneof."""

    name: str
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
    return _Row(one.name, one.json_name, kinds, convert, one.is_repeated, packable, inner, others)


def _list_of(convert: Convert | None) -> Convert:
    if convert is None:
        return list
    return lambda values: [convert(value) for value in values]


@dataclass(slots=True)
class _Run:
    """Items of one list, or packed numbers of it, that are parsed together: where they stand, and their bytes."""

    ranges: list[Range] = field(default_factory=list)
    size: int = 0

    def add(self, first: int, end: int) -> None:
        """Put one more behind the others."""
        self.size += end - first
        if self.ranges and self.ranges[-1][1] == first:
            first = self.ranges.pop()[0]
        self.ranges.append((first, end))


@dataclass(slots=True)
class _Content:
    """What was found in a large message, by field number: of lists the texts and the run that is no text yet.

    A field that is no list is a message, whose occurrences count as one behind the other, or a scalar, whose last counts;
    of the members of a oneof only the last one stays.
    """

    lists: dict[int, list[bytes]] = field(default_factory=dict)
    runs: dict[int, _Run] = field(default_factory=dict)
    messages: dict[int, list[Range]] = field(default_factory=dict)
    scalars: dict[int, Range] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Makes text of messages that are too large to be parsed whole: a message is ranges of the payload."""

    payload: bytes
    limit: int

    def message(self, ranges: list[Range], shape: _Shape) -> list[bytes]:
        """The text of a message, in parts."""
        if sum(end - start for start, end in ranges) <= self.limit:
            return [orjson.dumps(shape.object(self._parsed(ranges, shape)))]
        content = _Content()
        for start, end in ranges:
            self._walk(start, end, shape, content)
        for number, run in content.runs.items():
            self._add_items(self._bytes(run.ranges), number, shape, content)
        return list(self._text(shape, content))

    def _walk(self, position: int, end: int, shape: _Shape, content: _Content) -> None:
        rows = shape.rows
        while position < end:
            first = position
            number, kind, body, position = wire.field(self.payload, first, end)
            row = rows.get(number)
            if row is None or kind not in row.kinds:
                continue
            if row.many:
                self._add(number, (first, body, position), shape, content)
                continue
            for other in row.others:
                content.messages.pop(other, None)
                content.scalars.pop(other, None)
            if row.inner is None:
                content.scalars[number] = (first, position)
            else:
                content.messages.setdefault(number, []).append((body, position))

    def _add(self, number: int, place: tuple[int, int, int], shape: _Shape, content: _Content) -> None:
        """Put an item, or packed numbers, with those before it; what is large is made text alone."""
        first, body, end = place
        run = content.runs.get(number)
        if run is None:
            run = content.runs[number] = _Run()
        if run.size + end - first > self.limit:
            self._add_items(self._bytes(run.ranges), number, shape, content)
            run = content.runs[number] = _Run()
        if end - first <= self.limit:
            run.add(first, end)
            return
        row = shape.rows[number]
        if row.inner is not None:
            _append(content, number, self.message([(body, end)], row.inner))
        elif row.packable:
            for piece in self._pieces(body, end, row):
                self._add_items(wire.enclose(number, piece), number, shape, content)
        else:
            self._add_items(self.payload[first:end], number, shape, content)

    def _add_items(self, fields: bytes, number: int, shape: _Shape, content: _Content) -> None:
        row = shape.rows[number]
        convert = row.convert or list
        text = orjson.dumps(convert(getattr(shape.type.FromString(fields), row.name)))[1:-1]
        if text:
            _append(content, number, [text])

    def _pieces(self, start: int, end: int, row: _Row) -> Iterator[bytes]:
        """Packed numbers in pieces of about the limit."""
        if wire.VARINT in row.kinds:
            yield from wire.packed(self.payload, start, end, self.limit)
            return
        step = self.limit - self.limit % 8
        yield from (self.payload[at : min(at + step, end)] for at in range(start, end, step))

    def _text(self, shape: _Shape, content: _Content) -> Iterator[bytes]:
        scalars = shape.object(self._parsed(sorted(content.scalars.values()), shape))
        before = b"{"
        for number, row in shape.rows.items():
            if number in content.lists:
                parts = [b"[", *content.lists[number], b"]"]
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

    def _parsed(self, ranges: list[Range], shape: _Shape) -> Message:
        return shape.type.FromString(self._bytes(ranges))

    def _bytes(self, ranges: list[Range]) -> bytes:
        return b"".join([self.payload[start:end] for start, end in ranges])


def _append(content: _Content, number: int, text: list[bytes]) -> None:
    texts = content.lists.setdefault(number, [])
    if texts:
        texts.append(b",")
    texts.extend(text)
