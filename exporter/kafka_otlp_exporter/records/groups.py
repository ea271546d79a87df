"""Cuts a request into one request for each key: of its resources, or of the traces of its items. Pure.

Called by ``records``. Works on the wire format, from bytes to bytes: what has a key is a slice of the request, and the
messages that it stands in are repeated around it. Where the slices stand is noted in numbers, and a group is put
together when it is asked for: of a request with many traces all groups together could have a hundred times its bytes.
Nothing here is a list of small objects, for a request may have two million fields.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import ItemPath

# The key of what stands between two positions of a request; None is no key.
KeyOf = Callable[[bytes, int, int], bytes | None]


@dataclass(frozen=True, slots=True)
class Group:
    """What has one key: ``items`` of it, and the request that they make."""

    key: bytes | None
    _slices: _Slices
    _cutter: _Cutter

    @property
    def items(self) -> int:
        """How many items it has."""
        return self._cutter.count(self._slices)

    def request(self) -> bytes:
        """Its request: the whole one, byte for byte, where it is the only group, else never larger than that."""
        return self._cutter.put_together(self._slices)


def groups(request: bytes, path: ItemPath, depth: int, key_of: KeyOf, most: int) -> tuple[list[Group], int]:
    """Group what stands at the end of the first ``depth`` steps of ``path`` by its key, in the order of first occurrence.

    At most ``most`` groups are made; the second value is the number of items that would be in others. An envelope
    without anything in it is left out, unless there is one group only. Raises wire.Malformed when fields cannot be
    told apart.
    """
    cutter = _Cutter(request, path, depth, key_of, most)
    cutter.descend(0, 0, len(request), 0)
    found = list(cutter.found.items()) or [(None, _Slices())]
    return [Group(key, slices, cutter) for key, slices in found], cutter.left_out


@dataclass(slots=True)
class _Slices:
    """Where the slices of one group stand: triples of the place of their envelope, start and end; neighbours are one."""

    numbers: array[int] = field(default_factory=lambda: array("I"))

    def add(self, place: int, start: int, end: int) -> None:
        numbers = self.numbers
        if numbers and numbers[-1] == start and numbers[-3] == place:
            numbers[-1] = end
        else:
            numbers.extend((place, start, end))

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        numbers = iter(self.numbers)
        return zip(numbers, numbers, numbers, strict=True)


class _Envelopes:
    """The fields around slices, by place: those of one message, and the place of the message that it stands in."""

    def __init__(self) -> None:
        self._fields = bytearray()
        self._starts = array("I")
        self._ends = array("I")
        self._around = array("I")

    def reserve(self, around: int) -> int:
        """A place for a message that stands in the one at the place ``around``."""
        self._around.append(around)
        self._starts.append(0)
        self._ends.append(0)
        return len(self._around) - 1

    def fill(self, place: int, fields: bytearray) -> None:
        self._starts[place] = len(self._fields)
        self._fields += fields
        self._ends[place] = len(self._fields)

    def around(self, place: int) -> int:
        return self._around[place]

    def __getitem__(self, place: int) -> bytes:
        return bytes(self._fields[self._starts[place] : self._ends[place]])


class _Cutter:
    def __init__(self, request: bytes, path: ItemPath, depth: int, key_of: KeyOf, most: int) -> None:
        self.found: dict[bytes | None, _Slices] = {}
        self.left_out = 0
        self._request = request
        self._path = path
        self._depth = depth
        self._key_of = key_of
        self._most = most
        # One for each step but the last, the request's own first.
        self._envelopes = [_Envelopes() for _ in range(depth)]

    def descend(self, level: int, start: int, end: int, around: int) -> None:
        """Note the slices of the message between ``start`` and ``end``, ``level`` steps down."""
        request, numbers, envelopes = self._request, self._path[level], self._envelopes[level]
        others = bytearray()
        place = -1
        position = start
        while position < end:
            first = position
            number, kind, body, position = wire.field(request, first, end)
            if kind != wire.LEN or number not in numbers:
                others += request[first:position]
                continue
            if place < 0:
                place = envelopes.reserve(around)
            if level + 1 < self._depth:
                self.descend(level + 1, body, position, place)
            else:
                self._note(place, first, body, position)
        if place >= 0:
            envelopes.fill(place, others)

    def _note(self, place: int, first: int, body: int, end: int) -> None:
        key = self._key_of(self._request, body, end)
        slices = self.found.get(key)
        if slices is None:
            if len(self.found) >= self._most:
                self.left_out += self._items(first, end)
                return
            slices = self.found[key] = _Slices()
        slices.add(place, first, end)

    def count(self, slices: _Slices) -> int:
        return sum(self._items(start, end) for _, start, end in slices)

    def _items(self, start: int, end: int) -> int:
        return wire.count_items(self._request, self._path[self._depth - 1 :], start, end)

    def put_together(self, slices: _Slices) -> bytes:
        if len(self.found) < 2 and not self.left_out:
            return self._request
        parts = _Parts(self._envelopes, self._path, first=slices is next(iter(self.found.values())))
        for place, start, end in slices:
            parts.add(place, self._request[start:end])
        return parts.whole()


class _Parts:
    """One group's request while it is put together: of each level the open message and what is in it."""

    def __init__(self, envelopes: list[_Envelopes], path: ItemPath, *, first: bool) -> None:
        """The request's own fields, which stand in no resource, go with the ``first`` group."""
        self._envelopes = envelopes
        self._path = path
        self._first = first
        self._inside = [bytearray() for _ in envelopes]
        self._open = [-1] * len(envelopes)

    def add(self, place: int, part: bytes) -> None:
        self._go_to(len(self._open) - 1, place)
        self._inside[-1] += part

    def _go_to(self, level: int, place: int) -> None:
        if self._open[level] == place:
            return
        self._close(level)
        if level:
            self._go_to(level - 1, self._envelopes[level].around(place))
        self._open[level] = place

    def _close(self, level: int) -> None:
        """Close the open message of a level, and put it into the one around it."""
        if level == 0 or self._open[level] < 0:
            return
        content = self._envelopes[level][self._open[level]] + self._inside[level]
        self._inside[level].clear()
        self._open[level] = -1
        (number,) = self._path[level - 1]
        self._inside[level - 1] += wire.enclose(number, content)

    def whole(self) -> bytes:
        for level in range(len(self._open) - 1, 0, -1):
            self._close(level)
        own = self._envelopes[0][0] if self._first else b""
        return own + self._inside[0]
