"""Cuts a request that is too large for one record along its own structure: resource, scope, item. Pure.

The rules of ``packing`` hold for both encodings; this module knows how the bytes of each are put together.

Rule 1: a protobuf part is made of slices of the request, byte for byte. A JSON part is made of the texts of such slices.
Rule 2: no object of the whole request is made. Memory stays within the parts and one child that is tried.
Rule 3: what a child adds to the part is known before it is added. In protobuf it may also lengthen the length prefixes of
the messages around it, by up to 4 bytes each. In JSON it adds its text and, unless it is the first, a comma.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.signals import SignalRow
from kafka_otlp_exporter.records.packing import Allowance, Level, Packer, Parts

# A larger message is not made into JSON as a whole to see whether it fits. Its children are tried one by one.
TRIED_WHOLE_BYTES = 32 * 1024


def split(request: bytes, row: SignalRow, form: Format, limit: int, allowance: Allowance, key: int = 0) -> Parts:
    """Cut a protobuf ``request`` of the signal ``row`` into requests in ``form``, of at most ``limit`` bytes each.

    Each becomes a record with a key of ``key`` bytes, and is taken off ``allowance``; what comes after the allowance is
    used up is surplus. A message that has no items and does not fit is left out. Raises wire.Malformed when the bytes
    are no protobuf fields.
    """
    if form is Format.JSON:
        return _JsonPacker(request, row, limit, allowance, key).pack()
    return _ProtobufPacker(request, row.item_path, limit, allowance, key).pack()


@dataclass(slots=True)
class _ProtobufLevel(Level):
    """A message and those of its children that the present part has, together of ``size`` bytes.

    Children that are neighbours in the request are one slice of it, so a million small ones cost no more than a few
    large ones. The newest slice is from ``start`` to ``end``, the older ones are bytes in ``children``.
    """

    size: int
    children: list[bytes] = field(default_factory=list)
    start: int = 0
    end: int = 0


class _ProtobufPacker(Packer[_ProtobufLevel]):
    # A child of at most so many bytes fits, however much longer it makes the length prefixes around it.
    _surely_fits = 0

    def _opened(self, number: int, start: int, end: int) -> _ProtobufLevel:
        fields = self._fields(start, end)
        return _ProtobufLevel(number, fields, len(fields))

    def _add(self, number: int, first: int, body: int, end: int) -> bool:  # noqa: ARG002
        size = end - first
        tight = size > self._surely_fits
        if tight and self._size_with(size) > self._part_limit:
            return False
        level = self._levels[-1]
        level.size += size
        if level.end != first:
            self._cut(level)
            level.start = first
        level.end = end
        if tight:
            self._measure()
        else:
            self._surely_fits -= size
        return True

    def _put(self, closed: bytes) -> None:
        level = self._levels[-1]
        self._cut(level)
        level.children.append(closed)
        level.size += len(closed)

    def _alone(self, number: int, first: int, body: int, end: int) -> int:  # noqa: ARG002
        size = end - first
        for level in reversed(self._levels):
            size += len(level.fields)
            if level.number:
                size += wire.header_size(level.number, size)
        return size

    def _size_with(self, size: int) -> int:
        """The size of the present part with ``size`` bytes more in its innermost level."""
        size += self._levels[-1].size
        for index in range(len(self._levels) - 1, 0, -1):
            size += wire.header_size(self._levels[index].number, size) + self._levels[index - 1].size
        return size

    def _enclosed(self, level: _ProtobufLevel, inner: bytes) -> bytes:
        self._cut(level)
        content = b"".join([*level.children, inner])
        level.children.clear()
        level.size = len(level.fields)
        if not content:
            return b""
        return wire.enclose(level.number, level.fields + content) if level.number else level.fields + content

    def _measure(self) -> None:
        # A length prefix has one byte at least and five at most.
        self._surely_fits = self._part_limit - self._size_with(0) - 4 * len(self._levels)

    def _cut(self, level: _ProtobufLevel) -> None:
        """End the newest slice of a level."""
        if level.end:
            level.children.append(self._request[level.start : level.end])
            level.start = level.end = 0


@dataclass(slots=True)
class _JsonLevel(Level):
    """A message whose text is ``before``, then its children, then ``after``; ``type`` is its descriptor.

    ``start`` is what the text would begin with if the message had no other fields. The children are one text with
    commas, because a million small ones would each be a Python object.
    """

    before: bytes
    start: bytes
    after: bytes
    type: Any
    is_list: bool
    children: bytearray = field(default_factory=bytearray)

    @property
    def around(self) -> int:
        return len(self.before) + len(self.after)


class _JsonPacker(Packer[_JsonLevel]):
    # How many bytes of text still fit into the present part.
    _free = 0

    def __init__(self, request: bytes, row: SignalRow, limit: int, allowance: Allowance, key: int) -> None:
        super().__init__(request, row.item_path, limit, allowance, key)
        self._root = row.request.DESCRIPTOR
        # The place and text that were made last: what does not fit into one part is asked for again for the next.
        self._latest = (-1, -1, b"")

    def _opened(self, number: int, start: int, end: int) -> _JsonLevel:
        kind: Any = self._levels[-1].type.fields_by_number[number].message_type if self._levels else self._root
        fields = self._fields(start, end)
        child = kind.fields_by_number[self._child(start, end)]
        is_list = bool(child.is_repeated)
        opening = f'"{child.json_name}":{"[" if is_list else ""}'.encode()
        text = encode(fields, GetMessageClass(kind))[:-1]
        before = text + opening if text == b"{" else text + b"," + opening
        return _JsonLevel(number, fields, before, b"{" + opening, b"]}" if is_list else b"}", kind, is_list)

    def _child(self, start: int, end: int) -> int:
        """The field number of a message's children. A metric has one child, whose number is one of several."""
        numbers = self._path[len(self._levels)]
        while len(numbers) > 1 and start < end:
            number, kind, _, start = wire.field(self._request, start, end)
            if kind == wire.LEN and number in numbers:
                return number
        return next(iter(numbers))

    def _place_all(self, start: int, end: int) -> None:
        """Make small neighbours into text together, as many as are sure to fit: it is faster than one by one."""
        if not self._levels[-1].is_list:
            super()._place_all(start, end)
            return
        request, (wanted,) = self._request, self._path[len(self._levels) - 1]
        run: list[tuple[int, int, int]] = []
        size = 0
        while start < end:
            first = start
            number, kind, body, start = wire.field(request, first, end)
            if kind != wire.LEN or number != wanted:
                continue
            if size + start - first > min(TRIED_WHOLE_BYTES, self._free // 8):
                self._place_run(wanted, run)
                run, size = [], 0
            run.append((first, body, start))
            size += start - first
        self._place_run(wanted, run)

    def _place_run(self, number: int, run: list[tuple[int, int, int]]) -> None:
        if len(run) > 1 and not self._used_up:
            level = self._levels[-1]
            fields = b"".join([self._request[first:end] for first, _, end in run])
            text = encode(fields, GetMessageClass(level.type))[len(level.start) : -len(level.after)]
            if len(text) <= self._free:
                self._put(text)
                self._measure()
                return
        for first, body, end in run:
            self._place(number, first, body, end)

    def _add(self, number: int, first: int, body: int, end: int) -> bool:
        if end - body > TRIED_WHOLE_BYTES and self._divisible(body, end):
            return False
        text = self._text(number, first, body, end)
        if len(text) > self._free:
            return False
        self._put(text)
        self._measure()
        return True

    def _text(self, number: int, first: int, body: int, end: int) -> bytes:
        if self._latest[:2] != (first, end):
            kind = self._levels[-1].type.fields_by_number[number].message_type
            self._latest = first, end, encode(self._request[body:end], GetMessageClass(kind))
        return self._latest[2]

    def _put(self, closed: bytes) -> None:
        children = self._levels[-1].children
        if children:
            children += b","
        children += closed

    def _alone(self, number: int, first: int, body: int, end: int) -> int:
        return sum(level.around for level in self._levels) + len(self._text(number, first, body, end))

    def _enclosed(self, level: _JsonLevel, inner: bytes) -> bytes:
        children = level.children
        if not children and not inner:
            return b""
        comma = b"," if children and inner else b""
        content = b"".join([level.before, children, comma, inner, level.after])
        children.clear()
        return content

    def _measure(self) -> None:
        self._free = self._part_limit
        for level in self._levels:
            # With a comma before the next child.
            self._free -= level.around + (len(level.children) + 1 if level.children else 0)
