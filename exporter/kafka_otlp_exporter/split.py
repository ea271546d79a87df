"""Cuts a request that is too large for one record along its own structure: resource, scope, item. Pure.

Called by ``records``. Works on the wire format, from bytes to bytes: a part holds slices of the request, and the
envelopes (resource, scope, metric) that its items stand in. The parts are filled in order, each as far as it goes, which
makes them as few as can be without changing the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kafka_otlp_exporter import wire
from kafka_otlp_exporter.signals import ItemPath


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
    """Requests of the same type that together hold every item but the oversized ones, once and in order."""

    requests: list[bytes]
    oversized: list[Oversized]


def split(request: bytes, path: ItemPath, limit: int) -> Parts:
    """Cut ``request`` into requests of at most ``limit`` bytes; ``path`` is its signal's ``item_path``.

    What has no items in it and does not fit is left out. Raises wire.Malformed when fields cannot be told apart.
    """
    packer = _Packer(path, limit)
    packer.descend(request, 0, 0, len(request))
    packer.flush()
    return Parts(packer.done, packer.oversized)


@dataclass(slots=True)
class _Level:
    """An open message: the fields that each of its parts repeats, and the children that the present part has."""

    number: int
    envelope: bytes
    size: int
    children: list[bytes] = field(default_factory=list)


class _Packer:
    def __init__(self, path: ItemPath, limit: int) -> None:
        self.done: list[bytes] = []
        self.oversized: list[Oversized] = []
        self._path = path
        self._limit = limit
        self._levels: list[_Level] = []

    def descend(self, payload: bytes, number: int, start: int, end: int) -> None:
        """Open the message between ``start`` and ``end``, place its children, close it."""
        numbers = self._path[len(self._levels)]
        children, envelope = _children(payload, start, end, numbers)
        self._levels.append(_Level(number, envelope, len(envelope)))
        for child in children:
            self._place(payload, *child)
        self._close()

    def flush(self) -> None:
        """End the present part, if it has a child, and begin an empty one inside the same open messages."""
        content = b""
        for level in reversed(self._levels or []):
            inner = b"".join(level.children) + content
            content = wire.enclose(level.number, level.envelope + inner) if inner and level.number else inner
            if inner and not level.number:
                self.done.append(level.envelope + inner)
            level.children.clear()
            level.size = len(level.envelope)

    def _place(self, payload: bytes, number: int, first: int, body: int, end: int) -> None:
        if self._size_with(end - first) <= self._limit:
            self._append(payload[first:end])
        elif self._divisible(payload, body, end):
            self.descend(payload, number, body, end)
        else:
            self._place_whole(payload, first, body, end)

    def _place_whole(self, payload: bytes, first: int, body: int, end: int) -> None:
        self.flush()
        size = self._size_with(end - first)
        if size <= self._limit:
            self._append(payload[first:end])
            return
        rest = self._path[len(self._levels) :]
        items = wire.count_items(payload[body:end], rest) if rest else 1
        if items:
            self.oversized.append(Oversized(items, size, self._resource()))

    def _divisible(self, payload: bytes, body: int, end: int) -> bool:
        depth = len(self._levels)
        if depth == len(self._path):
            return False
        children = _children(payload, body, end, self._path[depth])[0]
        # Of a oneof that stands twice only the last counts; apart, both would.
        return bool(children) and (len(self._path[depth]) == 1 or len(children) == 1)

    def _size_with(self, size: int) -> int:
        """What the present part would have, with ``size`` bytes more in the innermost open message."""
        size += self._levels[-1].size
        for index in range(len(self._levels) - 1, 0, -1):
            size += wire.header_size(self._levels[index].number, size) + self._levels[index - 1].size
        return size

    def _append(self, child: bytes) -> None:
        self._levels[-1].children.append(child)
        self._levels[-1].size += len(child)

    def _close(self) -> None:
        if len(self._levels) == 1:
            return  # the request itself is ended by flush()
        level = self._levels.pop()
        if level.children:
            self._append(wire.enclose(level.number, level.envelope + b"".join(level.children)))

    def _resource(self) -> bytes:
        """Field 1 of the open ResourceSpans, ResourceMetrics or ResourceLogs."""
        if len(self._levels) < 2:
            return b""
        return wire.joined(self._levels[1].envelope, 1)


def _children(
    payload: bytes, start: int, end: int, numbers: frozenset[int]
) -> tuple[list[tuple[int, int, int, int]], bytes]:
    """The fields of a message that are children (number, first byte, body, end), and all others joined."""
    children: list[tuple[int, int, int, int]] = []
    others: list[bytes] = []
    for number, kind, first, body, stop in _fields(payload, start, end):
        if kind == wire.LEN and number in numbers:
            children.append((number, first, body, stop))
        else:
            others.append(payload[first:stop])
    return children, b"".join(others)


def _fields(payload: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    while start < end:
        number, kind, body, stop = wire.field(payload, start, end)
        yield number, kind, start, body, stop
        start = stop
