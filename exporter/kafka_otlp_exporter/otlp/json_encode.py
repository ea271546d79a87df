"""OTLP/JSON from the protobuf wire format, for messages of any OTLP type. Pure.

It is driven by the protobuf descriptors, so no field of OTLP is named here.
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

# A larger message is made into text piece by piece, and each piece is parsed alone (see wire.PARSED_WHOLE_BYTES). A piece
# of empty spans needs 3 MB as objects of upb and 1 MB as objects of Python. Larger pieces are also slower.
PIECE_BYTES = 32 * 1024

Convert = Callable[[Any], Any]


def encode(payload: bytes, message: type[Message], *, whole: int = PIECE_BYTES) -> bytes:
    """The serialised ``message`` as compact OTLP/JSON in UTF-8, its fields in the order of their numbers.

    An id of any length becomes lowercase hex. Unknown fields are left out, because JSON has no place for them. A list is
    the texts of its items with commas between them, without spaces. It needs memory for the text and for two pieces of
    ``whole`` bytes (10 or more). Raises wire.Malformed when the payload is no ``message``, or has more than
    wire.MAX_FIELDS fields side by side.
    """
    known = _encoded_type(message.DESCRIPTOR)
    try:
        if len(payload) <= whole:
            return orjson.dumps(known.object(message.FromString(payload)))
        wire.validate(payload, message, whole=whole, slice_bytes=whole)
        return b"".join(_PiecewiseEncoder(payload, whole).message(_range(0, len(payload)), known))
    except DecodeError:
        raise wire.Malformed(f"the payload is no valid {message.DESCRIPTOR.full_name}") from None


@dataclass(frozen=True)
class _Row:
    """One field of a message type.

    ``kinds`` are the wire types in which it may come, ``inner`` is the type of a message field, and ``others`` are the
    numbers of the other members of its oneof, which it replaces.
    """

    key: str
    kinds: frozenset[int]
    convert: Convert | None
    many: bool
    packable: bool
    inner: _EncodedType | None
    others: tuple[int, ...]


class _EncodedType:
    """What the encoder knows of one message type. It is worked out when first used, because types can contain themselves."""

    def __init__(self, descriptor: Any) -> None:
        self.descriptor = descriptor
        self.type: type[Message] = GetMessageClass(descriptor)

    @cached_property
    def rows(self) -> dict[int, _Row]:
        """Each field by its number, in that order."""
        return {one.number: _row(one) for one in sorted(self.descriptor.fields, key=lambda one: int(one.number))}

    @cached_property
    def fields(self) -> dict[Any, tuple[str, Convert | None]]:
        """Key and conversion of each field, by the descriptor that protobuf's ListFields returns."""
        by_number = self.descriptor.fields_by_number
        return {by_number[number]: (row.key, row.convert) for number, row in self.rows.items()}

    def object(self, message: Any) -> dict[str, Any]:
        """A parsed message as a value for orjson."""
        fields = self.fields
        found = {}
        for descriptor, value in message.ListFields():
            key, convert = fields[descriptor]
            found[key] = value if convert is None else convert(value)
        return found

    def objects(self, messages: Any) -> list[dict[str, Any]]:
        """A list of parsed messages as a value for orjson."""
        one = self.object
        return [one(message) for message in messages]


@cache
def _encoded_type(descriptor: Any) -> _EncodedType:
    return _EncodedType(descriptor)


def _row(one: Any) -> _Row:
    convert: Convert | None
    if one.message_type is not None:
        inner = _encoded_type(one.message_type)
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
    """Ranges of the payload that are read as one, in order. A million of them take 16 MB."""

    __slots__ = ("_places", "size")

    def __init__(self) -> None:
        self._places = array("Q")
        self.size = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        places = iter(self._places)
        return zip(places, places, strict=True)

    def add(self, start: int, end: int) -> None:
        """Add a range after the others."""
        self.size += end - start
        if self._places and self._places[-1] == start:
            self._places[-1] = end
        elif start < end:
            self._places.append(start)
            self._places.append(end)


@dataclass(slots=True)
class _Content:
    """What was found in a large message, by field number.

    ``texts`` has the finished items of lists, and ``runs`` the items that are not text yet. ``messages`` has all
    occurrences of a message field, which protobuf merges. ``scalars`` has the last occurrence of a scalar field, which is
    the one that counts. Of the members of a oneof only the last one is kept.
    """

    texts: dict[int, list[bytes]] = field(default_factory=dict)
    runs: dict[int, _Ranges] = field(default_factory=dict)
    messages: dict[int, _Ranges] = field(default_factory=dict)
    scalars: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _PiecewiseEncoder:
    """Makes text of messages that are too large to be parsed whole; such a message is some ranges of the payload."""

    payload: bytes
    limit: int

    def message(self, ranges: _Ranges, known: _EncodedType) -> list[bytes]:
        """The text of a message, in parts."""
        if ranges.size <= self.limit:
            return [orjson.dumps(known.object(known.type.FromString(self._bytes(ranges))))]
        content = _Content()
        for start, end in ranges:
            self._walk(start, end, known, content)
        for number, run in content.runs.items():
            self._add_items(self._bytes(run), number, known, content)
        return list(self._text(known, content))

    def _walk(self, position: int, end: int, known: _EncodedType, content: _Content) -> None:
        rows, limit = known.rows, self.limit
        while position < end:
            first = position
            number, kind, body, position = wire.field(self.payload, first, end)
            row = rows.get(number)
            if row is None or kind not in row.kinds:
                continue
            if row.many:
                run = content.runs.get(number) or content.runs.setdefault(number, _Ranges())
                if run.size + position - first > limit:
                    self._add_items(self._bytes(run), number, known, content)
                    run = content.runs[number] = _Ranges()
                if position - first > limit:
                    self._add_large(number, (first, body, position), known, content)
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

    def _add_large(self, number: int, place: tuple[int, int, int], known: _EncodedType, content: _Content) -> None:
        """Make text of one list item, or of packed numbers, that is larger than a piece."""
        first, body, end = place
        row = known.rows[number]
        if row.inner is not None:
            _append(content, number, self.message(_range(body, end), row.inner))
        elif row.packable:
            for piece in self._pieces(body, end, row):
                self._add_items(wire.enclose(number, piece), number, known, content)
        else:
            self._add_items(self.payload[first:end], number, known, content)

    def _add_items(self, fields: bytes, number: int, known: _EncodedType, content: _Content) -> None:
        items = known.object(known.type.FromString(fields)).get(known.rows[number].key)
        if items:
            _append(content, number, [orjson.dumps(items)[1:-1]])

    def _pieces(self, start: int, end: int, row: _Row) -> Iterator[bytes]:
        """Packed numbers in pieces of about the limit."""
        if wire.VARINT in row.kinds:
            yield from wire.packed(self.payload, start, end, self.limit)
            return
        step = self.limit - self.limit % 8
        yield from (self.payload[at : min(at + step, end)] for at in range(start, end, step))

    def _text(self, known: _EncodedType, content: _Content) -> Iterator[bytes]:
        last = b"".join([self.payload[start:end] for start, end in content.scalars.values()])
        scalars = known.object(known.type.FromString(last))
        before = b"{"
        for number, row in known.rows.items():
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
