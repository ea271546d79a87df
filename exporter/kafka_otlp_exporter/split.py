"""Cuts a request that is too large for one record along its own structure: resource, scope, item. Pure.

Called by ``records``. Works on the wire format, from bytes to bytes: a part holds slices of the request, and the
envelopes (resource, scope, metric) that its items stand in. The parts are filled in order, each as far as it goes, which
makes them as few as can be without changing the order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kafka_otlp_exporter import wire
from kafka_otlp_exporter.signals import ItemPath

# A request of a large resource and many small items would otherwise become a hundred times its bytes.
MOST_GROWTH = 2


@dataclass(frozen=True, slots=True)
class Oversized:
    """Items that fit into no part: how many, the bytes that a part of them alone would have, their resource.

    ``resource`` is the serialised ``opentelemetry.proto.resource.v1.Resource``.
    """

    items: int
    size: int
    resource: bytes


@dataclass(frozen=True, slots=True)
class Parts:
    """Requests of the same type that together hold every item but the oversized ones, once and in order.

    ``surplus`` items were left out because the parts would have grown together to many times the request: each part
    repeats the resource that its items stand in, and that is nearly as large as a part.
    """

    requests: list[bytes]
    oversized: list[Oversized]
    surplus: int


def split(request: bytes, path: ItemPath, limit: int) -> Parts:
    """Cut ``request`` into requests of at most ``limit`` bytes; ``path`` is its signal's ``item_path``.

    Together they have at most MOST_GROWTH times its bytes, and one part more. What has no items in it and does not fit
    is left out. Raises wire.Malformed when fields cannot be told apart.
    """
    packer = _Packer(request, path, limit)
    packer.descend(0, 0, len(request))
    packer.flush()
    return Parts(packer.done, packer.oversized, packer.surplus)


@dataclass(slots=True)
class _Level:
    """An open message: the fields that each of its parts repeats, and the children that the present part has.

    Children that stand side by side in the request are one slice of it, from ``start`` to ``end``, so that a million
    small ones cost no more than a few large ones.
    """

    number: int
    envelope: bytes
    size: int
    children: list[bytes] = field(default_factory=list)
    start: int = 0
    end: int = 0


class _Packer:
    def __init__(self, request: bytes, path: ItemPath, limit: int) -> None:
        self.done: list[bytes] = []
        self.oversized: list[Oversized] = []
        self.surplus = 0
        self._left = MOST_GROWTH * len(request) + limit
        self._request = request
        self._path = path
        self._limit = limit
        self._levels: list[_Level] = []
        # A child of so many bytes fits whatever it does to the lengths of the messages around it.
        self._room = 0

    def descend(self, number: int, start: int, end: int) -> None:
        """Open the message between ``start`` and ``end``, place its children, close it."""
        numbers = self._path[len(self._levels)]
        envelope = self._envelope(start, end, numbers)
        self._levels.append(_Level(number, envelope, len(envelope)))
        self._measure()
        position = start
        while position < end:
            first = position
            found, kind, body, position = wire.field(self._request, first, end)
            if kind == wire.LEN and found in numbers:
                self._place(found, first, body, position)
        self._close()

    def flush(self) -> None:
        """End the present part, if it has a child, and begin an empty one inside the same open messages."""
        content = b""
        for level in reversed(self._levels):
            inner = self._children(level) + content
            if inner and level.number:
                content = wire.enclose(level.number, level.envelope + inner)
            elif inner:
                self.done.append(level.envelope + inner)
                self._left -= len(self.done[-1])
            level.children.clear()
            level.size = len(level.envelope)
        self._measure()

    def _place(self, number: int, first: int, body: int, end: int) -> None:
        size = end - first
        if self._left < self._limit:
            self.surplus += self._items(body, end)
        elif size <= self._room:
            self._append(first, end)
            self._room -= size
        elif self._size_with(size) <= self._limit:
            self._append(first, end)
            self._measure()
        elif self._divisible(body, end):
            self.descend(number, body, end)
        else:
            self._place_whole(first, body, end)

    def _place_whole(self, first: int, body: int, end: int) -> None:
        self.flush()
        size = self._size_with(end - first)
        if self._left < self._limit:
            self.surplus += self._items(body, end)
            return
        if size <= self._limit:
            self._append(first, end)
            self._measure()
            return
        if items := self._items(body, end):
            # Field 1 of the open ResourceSpans, ResourceMetrics or ResourceLogs.
            resource = wire.joined(self._levels[1].envelope, 1) if len(self._levels) > 1 else b""
            self.oversized.append(Oversized(items, size, resource))

    def _items(self, body: int, end: int) -> int:
        """How many items a child of the innermost open message holds."""
        rest = self._path[len(self._levels) :]
        return wire.count_items(self._request, rest, body, end) if rest else 1

    def _divisible(self, body: int, end: int) -> bool:
        depth = len(self._levels)
        if depth == len(self._path):
            return False
        children = wire.count_items(self._request, (self._path[depth],), body, end)
        # Of a oneof that stands twice only the last counts; apart, both would.
        return children == 1 or (children > 1 and len(self._path[depth]) == 1)

    def _envelope(self, start: int, end: int, numbers: frozenset[int]) -> bytes:
        """The fields of a message that are no children."""
        others = []
        while start < end:
            first = start
            number, kind, _, start = wire.field(self._request, first, end)
            if kind != wire.LEN or number not in numbers:
                others.append(self._request[first:start])
        return b"".join(others)

    def _measure(self) -> None:
        # A length has one byte at least and five at most.
        self._room = self._limit - self._size_with(0) - 4 * len(self._levels)

    def _size_with(self, size: int) -> int:
        """What the present part would have, with ``size`` bytes more in the innermost open message."""
        size += self._levels[-1].size
        for index in range(len(self._levels) - 1, 0, -1):
            size += wire.header_size(self._levels[index].number, size) + self._levels[index - 1].size
        return size

    def _append(self, first: int, end: int) -> None:
        level = self._levels[-1]
        level.size += end - first
        if level.end != first:
            self._cut(level)
            level.start = first
        level.end = end

    def _cut(self, level: _Level) -> None:
        level.children.append(self._request[level.start : level.end])
        level.start = level.end = 0

    def _children(self, level: _Level) -> bytes:
        self._cut(level)
        return b"".join(level.children)

    def _close(self) -> None:
        if len(self._levels) == 1:
            return  # the request itself is ended by flush()
        level, around = self._levels.pop(), self._levels[-1]
        if children := self._children(level):
            closed = wire.enclose(level.number, level.envelope + children)
            self._cut(around)
            around.children.append(closed)
            around.size += len(closed)
        self._measure()
