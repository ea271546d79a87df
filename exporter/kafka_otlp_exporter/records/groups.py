"""Cuts a request into one request for each key: for each resource, or for each trace of its items. Pure.

Works on the wire format, from bytes to bytes. Each resource, or each item of a trace, is a slice of the request; a group
repeats the messages around its slices. First only the positions of the slices are noted. A group's request is put together when it is asked
for, because all groups together could have a hundred times the bytes of a request with many traces. Positions are kept
in arrays of numbers and not as objects, because a request may have two million fields.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import ItemPath

# The key of the message between two positions of a request, or None when it has none.
KeyOf = Callable[[bytes, int, int], bytes | None]


@dataclass(frozen=True, slots=True)
class Group:
    """All of a request that has one key."""

    key: bytes | None
    _places: _Places
    _grouping: _Grouping

    @property
    def items(self) -> int:
        """How many items it has."""
        return self._grouping.count(self._places)

    def request(self) -> bytes:
        """Put its request together. The only group of a request is the request itself, byte for byte.

        The result is never larger than the whole request.
        """
        return self._grouping.put_together(self._places)


def groups(request: bytes, path: ItemPath, depth: int, key_of: KeyOf, most: int) -> tuple[list[Group], int]:
    """Group the messages at the end of the first ``depth`` steps of ``path`` by ``key_of``, in the order of first keys.

    ``path`` is the signal's ``item_path``: depth 1 are resources, depth 3 are items. At most ``most`` groups are made;
    the second value is the number of items that would be in further ones. An envelope without content is left out, unless
    there is only one group. Raises wire.Malformed when the bytes are no protobuf fields.
    """
    grouping = _Grouping(request, path, depth, key_of, most)
    grouping.descend(0, 0, len(request), 0)
    found = list(grouping.found.items()) or [(None, _Places())]
    return [Group(key, places, grouping) for key, places in found], grouping.left_out


@dataclass(slots=True)
class _Places:
    """The slices of one group as (envelope index, start, end); adjacent slices are merged."""

    numbers: array[int] = field(default_factory=lambda: array("I"))

    def add(self, envelope: int, start: int, end: int) -> None:
        numbers = self.numbers
        if numbers and numbers[-1] == start and numbers[-3] == envelope:
            numbers[-1] = end
        else:
            numbers.extend((envelope, start, end))

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        numbers = iter(self.numbers)
        return zip(numbers, numbers, numbers, strict=True)


class _Envelopes:
    """The messages around slices, by index: the other fields of each, and the index of the message around it."""

    def __init__(self) -> None:
        self._fields = bytearray()
        self._starts = array("I")
        self._ends = array("I")
        self._around = array("I")

    def reserve(self, around: int) -> int:
        """Return the index of a new message, whose parent has the index ``around`` one level up."""
        self._around.append(around)
        self._starts.append(0)
        self._ends.append(0)
        return len(self._around) - 1

    def fill(self, index: int, fields: bytearray) -> None:
        self._starts[index] = len(self._fields)
        self._fields += fields
        self._ends[index] = len(self._fields)

    def around(self, index: int) -> int:
        return self._around[index]

    def __getitem__(self, index: int) -> bytes:
        return bytes(self._fields[self._starts[index] : self._ends[index]])


class _Grouping:
    """The groups of one request while they are found: the slices of each key, and the envelopes around the slices."""

    def __init__(self, request: bytes, path: ItemPath, depth: int, key_of: KeyOf, most: int) -> None:
        self.found: dict[bytes | None, _Places] = {}
        self.left_out = 0
        self._request = request
        self._path = path
        self._depth = depth
        self._key_of = key_of
        self._most = most
        # One for each level above the slices; the first is that of the request itself.
        self._envelopes = [_Envelopes() for _ in range(depth)]

    def descend(self, level: int, start: int, end: int, around: int) -> None:
        """Note the slices in the message between ``start`` and ``end``, which is ``level`` steps down the path.

        ``around`` is the index of the envelope that it is in.
        """
        request, numbers, envelopes = self._request, self._path[level], self._envelopes[level]
        others = bytearray()
        index = -1
        position = start
        while position < end:
            first = position
            number, kind, body, position = wire.field(request, first, end)
            if kind != wire.LEN or number not in numbers:
                others += request[first:position]
                continue
            if index < 0:
                index = envelopes.reserve(around)
            if level + 1 < self._depth:
                self.descend(level + 1, body, position, index)
            else:
                self._note(index, first, body, position)
        if index >= 0:
            envelopes.fill(index, others)

    def _note(self, envelope: int, first: int, body: int, end: int) -> None:
        key = self._key_of(self._request, body, end)
        places = self.found.get(key)
        if places is None:
            if len(self.found) >= self._most:
                self.left_out += self._items(first, end)
                return
            places = self.found[key] = _Places()
        places.add(envelope, first, end)

    def count(self, places: _Places) -> int:
        return sum(self._items(start, end) for _, start, end in places)

    def _items(self, start: int, end: int) -> int:
        return wire.count_items(self._request, self._path[self._depth - 1 :], start, end)

    def put_together(self, places: _Places) -> bytes:
        if len(self.found) < 2 and not self.left_out:
            return self._request
        writer = _Writer(self._envelopes, self._path, first=places is next(iter(self.found.values())))
        for envelope, start, end in places:
            writer.add(envelope, self._request[start:end])
        return writer.whole()


class _Writer:
    """One group's request while it is written: at each level the index of the open message, and its content so far."""

    def __init__(self, envelopes: list[_Envelopes], path: ItemPath, *, first: bool) -> None:
        """The request's own fields, which are in no resource, go into the ``first`` group."""
        self._envelopes = envelopes
        self._path = path
        self._first = first
        self._inside = [bytearray() for _ in envelopes]
        self._open = [-1] * len(envelopes)

    def add(self, envelope: int, content: bytes) -> None:
        self._open_at(len(self._open) - 1, envelope)
        self._inside[-1] += content

    def _open_at(self, level: int, envelope: int) -> None:
        if self._open[level] == envelope:
            return
        self._close(level)
        if level:
            self._open_at(level - 1, self._envelopes[level].around(envelope))
        self._open[level] = envelope

    def _close(self, level: int) -> None:
        """Close the open message of a level, and add it to the one around it."""
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
