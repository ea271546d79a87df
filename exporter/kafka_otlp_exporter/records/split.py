"""Cuts a request that is too large for one record along its own structure: resource, scope, item. Pure.

Called by ``records``. From bytes to bytes, without an object of the whole: in protobuf a part holds slices of the request,
in JSON the texts of such slices. How parts are filled stands in ``packing``.
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

# What is larger is not made into JSON as a whole to see whether it fits: its children are, each for itself.
WHOLE = 32 * 1024


def split(request: bytes, row: SignalRow, form: Format, limit: int, allowance: Allowance, key: int = 0) -> Parts:
    """Cut a protobuf ``request`` into requests in ``form``, of at most ``limit`` bytes.

    Each counts as a record with a key of ``key`` bytes; making stops when the allowance is used up. What has no items in
    it and does not fit is left out. Raises wire.Malformed when fields cannot be told apart.
    """
    if form is Format.JSON:
        return _JsonPacker(request, row, limit, allowance, key).pack()
    return _ProtobufPacker(request, row.item_path, limit, allowance, key).pack()


@dataclass(slots=True)
class _Slices(Level):
    """A message and the children that the present part has, together of ``size`` bytes.

    Children that stand side by side in the request are one slice of it, from ``start`` to ``end``, so that a million
    small ones cost no more than a few large ones.
    """

    size: int
    children: list[bytes] = field(default_factory=list)
    start: int = 0
    end: int = 0


class _ProtobufPacker(Packer[_Slices]):
    # A child of so many bytes fits whatever it does to the lengths of the messages around it.
    _room = 0

    def _opened(self, number: int, start: int, end: int) -> _Slices:
        fields = self._fields(start, end)
        return _Slices(number, fields, len(fields))

    def _add(self, number: int, first: int, body: int, end: int) -> bool:  # noqa: ARG002
        size = end - first
        tight = size > self._room
        if tight and self._size_of(size) > self._limit:
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
            self._room -= size
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

    def _size_of(self, size: int) -> int:
        """What the present part would have with so many bytes more in the innermost open message."""
        size += self._levels[-1].size
        for index in range(len(self._levels) - 1, 0, -1):
            size += wire.header_size(self._levels[index].number, size) + self._levels[index - 1].size
        return size

    def _enclosed(self, level: _Slices, inner: bytes) -> bytes:
        self._cut(level)
        content = b"".join([*level.children, inner])
        level.children.clear()
        level.size = len(level.fields)
        if not content:
            return b""
        return wire.enclose(level.number, level.fields + content) if level.number else level.fields + content

    def _measure(self) -> None:
        # A length has one byte at least and five at most.
        self._room = self._limit - self._size_of(0) - 4 * len(self._levels)

    def _cut(self, level: _Slices) -> None:
        if level.end:
            level.children.append(self._request[level.start : level.end])
            level.start = level.end = 0


@dataclass(slots=True)
class _Texts(Level):
    """``before`` and ``after`` are the text around the children; ``start`` is the end of ``before`` that opens them.

    The children are one text, because a million small ones would each be an object. ``type`` is the descriptor.
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


class _JsonPacker(Packer[_Texts]):
    _room = 0

    def __init__(self, request: bytes, row: SignalRow, limit: int, allowance: Allowance, key: int) -> None:
        super().__init__(request, row.item_path, limit, allowance, key)
        self._root = row.request.DESCRIPTOR
        # The text that was made last: what did not fit into one part is asked for again in the next.
        self._latest = (-1, -1, b"")

    def _opened(self, number: int, start: int, end: int) -> _Texts:
        kind: Any = self._levels[-1].type.fields_by_number[number].message_type if self._levels else self._root
        fields = self._fields(start, end)
        child = kind.fields_by_number[self._child(start, end)]
        is_list = bool(child.is_repeated)
        opening = f'"{child.json_name}":{"[" if is_list else ""}'.encode()
        text = encode(fields, GetMessageClass(kind))[:-1]
        before = text + opening if text == b"{" else text + b"," + opening
        return _Texts(number, fields, before, b"{" + opening, b"]}" if is_list else b"}", kind, is_list)

    def _child(self, start: int, end: int) -> int:
        """The number that a message's children have: where it may be one of several, it has one child."""
        numbers = self._path[len(self._levels)]
        while len(numbers) > 1 and start < end:
            number, kind, _, start = wire.field(self._request, start, end)
            if kind == wire.LEN and number in numbers:
                return number
        return next(iter(numbers))

    def _place_all(self, start: int, end: int) -> None:
        """Small children are made text together, which is faster, as far as they will fit together."""
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
            if size + start - first > min(WHOLE, self._room // 8):
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
            if len(text) <= self._room:
                self._put(text)
                self._measure()
                return
        for first, body, end in run:
            self._place(number, first, body, end)

    def _add(self, number: int, first: int, body: int, end: int) -> bool:
        if end - body > WHOLE and self._divisible(body, end):
            return False
        text = self._text(number, first, body, end)
        if len(text) > self._room:
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

    def _enclosed(self, level: _Texts, inner: bytes) -> bytes:
        children = level.children
        if not children and not inner:
            return b""
        comma = b"," if children and inner else b""
        content = b"".join([level.before, children, comma, inner, level.after])
        children.clear()
        return content

    def _measure(self) -> None:
        self._room = self._limit
        for level in self._levels:
            # A comma before what comes next.
            self._room -= level.around + (len(level.children) + 1 if level.children else 0)
