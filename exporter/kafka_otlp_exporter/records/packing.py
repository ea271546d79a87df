"""Fills the parts of a request in order, each as far as it goes: the half of ``split`` that knows no encoding. Pure.

A part holds items of the request and the envelopes (resource, scope, metric) that they stand in. As each part is filled
to its limit, and every part of what fits would fit too, no other cut in that order makes fewer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from kafka_otlp_exporter.config.sizing import RECORD_OVERHEAD_BYTES
from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import ItemPath


@dataclass(slots=True)
class Allowance:
    """What the records of one request may still have together, so that making them needs no more memory than that.

    ``bytes`` counts keys, values and RECORD_OVERHEAD_BYTES for each.
    """

    bytes: int
    records: int

    def largest(self, key: int) -> int:
        """The largest value that one more record may have, beside a key of so many bytes."""
        return self.bytes - key - RECORD_OVERHEAD_BYTES if self.records > 0 else 0

    def spend(self, value: int, key: int) -> None:
        """A record is made."""
        self.bytes -= value + key + RECORD_OVERHEAD_BYTES
        self.records -= 1


@dataclass(frozen=True, slots=True)
class Oversized:
    """Items that fit into no part: how many, the bytes that the largest part of one alone would have, its resource.

    ``resource`` is the serialised ``opentelemetry.proto.resource.v1.Resource``.
    """

    items: int
    size: int
    resource: bytes


@dataclass(frozen=True, slots=True)
class Parts:
    """Requests of the same type that together hold every item but the oversized and the surplus, once and in order.

    ``surplus`` items were left out because the allowance was used up.
    """

    requests: list[bytes]
    oversized: Oversized | None
    surplus: int


@dataclass(slots=True)
class Level:
    """An open message: its number in the one around it, and those of its fields that are no children."""

    number: int
    fields: bytes


OneLevel = TypeVar("OneLevel", bound=Level)


class Packer(ABC, Generic[OneLevel]):
    """Packs one request into parts of at most ``limit`` bytes each."""

    def __init__(self, request: bytes, path: ItemPath, limit: int, allowance: Allowance, key: int) -> None:
        """``path`` is the signal's ``item_path``; each part is one record, with a key of ``key`` bytes."""
        self._request = request
        self._path = path
        self._most = limit
        self._allowance = allowance
        self._key = key
        self._limit = min(limit, allowance.largest(key))
        self._levels: list[OneLevel] = []
        self._done: list[bytes] = []
        self._used_up = False
        self._surplus = 0
        self._too_large = 0
        # Of the largest item that is too large: the size that a part of it alone would have, and where it stands.
        self._largest = (0, b"")

    def pack(self) -> Parts:
        """Place every item. Raises wire.Malformed when fields cannot be told apart."""
        self._descend(0, 0, len(self._request))
        self._flush()
        oversized = None
        if self._too_large:
            size, around = self._largest
            # Field 1 of a ResourceSpans, ResourceMetrics or ResourceLogs.
            oversized = Oversized(self._too_large, size, wire.joined(around, 1))
        return Parts(self._done, oversized, self._surplus)

    @abstractmethod
    def _opened(self, number: int, start: int, end: int) -> OneLevel:
        """The message between ``start`` and ``end``, field ``number`` of the innermost open one."""

    @abstractmethod
    def _add(self, number: int, first: int, body: int, end: int) -> bool:
        """Add a child to the innermost open message; False where the part would exceed its limit, or may better descend."""

    @abstractmethod
    def _put(self, closed: bytes) -> None:
        """Add what ``_enclosed`` made of a closed message to the one around it, which is the innermost open one."""

    @abstractmethod
    def _alone(self, number: int, first: int, body: int, end: int) -> int:
        """What a part would have that holds this child of the innermost open message and nothing else."""

    @abstractmethod
    def _enclosed(self, level: OneLevel, inner: bytes) -> bytes:
        """A message with its children and ``inner`` behind them; nothing where it has none. Its children are gone then."""

    @abstractmethod
    def _measure(self) -> None:
        """The open messages have changed, or the limit."""

    def _descend(self, number: int, start: int, end: int) -> None:
        """Open a message, place its children, close it."""
        self._levels.append(self._opened(number, start, end))
        self._measure()
        self._place_all(start, end)
        if len(self._levels) > 1:  # the request itself is ended by _flush()
            if closed := self._enclosed(self._levels.pop(), b""):
                self._put(closed)
            self._measure()

    def _place_all(self, start: int, end: int) -> None:
        """Place the children of the innermost open message, which stand between ``start`` and ``end``."""
        request, numbers = self._request, self._path[len(self._levels) - 1]
        while start < end:
            first = start
            number, kind, body, start = wire.field(request, first, end)
            if kind == wire.LEN and number in numbers:
                self._place(number, first, body, start)

    def _place(self, number: int, first: int, body: int, end: int) -> None:
        if self._used_up:
            self._surplus += self._items(body, end)
        elif not self._add(number, first, body, end):
            if self._divisible(body, end):
                self._descend(number, body, end)
            else:
                self._place_in_next(number, first, body, end)

    def _place_in_next(self, number: int, first: int, body: int, end: int) -> None:
        items = self._items(body, end)
        size = self._alone(number, first, body, end)
        if size > self._most:
            if items:
                self._too_large += items
                if size > self._largest[0]:
                    self._largest = size, self._levels[1].fields if len(self._levels) > 1 else b""
            return
        self._flush()
        if not self._add(number, first, body, end):
            self._used_up = True
            self._surplus += items

    def _flush(self) -> None:
        """End the present part, if it has a child, and begin an empty one inside the same open messages."""
        part = b""
        for level in reversed(self._levels):
            part = self._enclosed(level, part)
        if part:
            self._done.append(part)
            self._allowance.spend(len(part), self._key)
            self._limit = min(self._most, self._allowance.largest(self._key))
        self._measure()

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

    def _fields(self, start: int, end: int) -> bytes:
        """The fields of a message that are no children."""
        numbers = self._path[len(self._levels)]
        others = bytearray()
        while start < end:
            first = start
            number, kind, _, start = wire.field(self._request, first, end)
            if kind != wire.LEN or number not in numbers:
                others += self._request[first:start]
        return bytes(others)
