"""Cuts a request into parts that fit into records: the half of the work that does not depend on the encoding. Pure.

Rule 1: a part never exceeds its limit, which is the record limit or what is left of the allowance, the smaller one.
Rule 2: every item is in exactly one part, in the order of the request, or it is counted as oversized or as surplus.
Rule 3: a part holds its items inside copies of their envelopes (resource, scope, metric) with all other fields of those.
An envelope of which a part has no child is left out.
Rule 4: a part ends only when the next child does not fit and cannot be divided. No other cut in this order makes fewer
parts, because whatever fits into a part also fits without some of its children.
Rule 5: when the allowance is used up, all that follows is surplus, also what is small enough.
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
    """The bytes and the number of records that are left for one request; it bounds the memory that its records need.

    ``bytes`` counts keys, values and RECORD_OVERHEAD_BYTES for each record.
    """

    bytes: int
    records: int

    def largest(self, key: int) -> int:
        """The largest value, in bytes, that one more record may have with a key of ``key`` bytes."""
        return self.bytes - key - RECORD_OVERHEAD_BYTES if self.records > 0 else 0

    def spend(self, value: int, key: int) -> None:
        """Take off a record whose value and key have so many bytes."""
        self.bytes -= value + key + RECORD_OVERHEAD_BYTES
        self.records -= 1


@dataclass(frozen=True, slots=True)
class Oversized:
    """Items that fit into no part, because a part with one of them alone would exceed the record limit.

    ``size`` is how many bytes the largest such part would have. ``resource`` is that item's resource, a serialised
    ``opentelemetry.proto.resource.v1.Resource``.
    """

    items: int
    size: int
    resource: bytes


@dataclass(frozen=True, slots=True)
class Parts:
    """Requests of the same type, each a part; ``surplus`` items were left out because the allowance was used up."""

    requests: list[bytes]
    oversized: Oversized | None
    surplus: int


@dataclass(slots=True)
class Level:
    """A message whose children are being placed: its field number in its parent, and its fields that are no children."""

    number: int
    fields: bytes


OneLevel = TypeVar("OneLevel", bound=Level)


class Packer(ABC, Generic[OneLevel]):
    """Packs one request into parts of at most ``limit`` bytes each."""

    def __init__(self, request: bytes, path: ItemPath, limit: int, allowance: Allowance, key: int) -> None:
        """``path`` is the signal's ``item_path``; each part is one record, with a key of ``key`` bytes."""
        self._request = request
        self._path = path
        self._record_limit = limit
        self._allowance = allowance
        self._key = key
        self._part_limit = min(limit, allowance.largest(key))
        self._levels: list[OneLevel] = []
        self._done: list[bytes] = []
        self._used_up = False
        self._surplus = 0
        self._too_large = 0
        # Of the largest item that is too large: the size of a part with it alone, and the fields of its resource message.
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
        """The level of the message between ``start`` and ``end``, which is field ``number`` of the innermost level."""

    @abstractmethod
    def _add(self, number: int, first: int, body: int, end: int) -> bool:
        """Add a child to the innermost level. False when the part would exceed its limit, or dividing the child is cheaper.

        The child is field ``number``. Its tag begins at ``first``, its content at ``body``, and it ends at ``end``.
        """

    @abstractmethod
    def _put(self, closed: bytes) -> None:
        """Add a closed message, as ``_enclosed`` made it, to the innermost level, which is its parent."""

    @abstractmethod
    def _alone(self, number: int, first: int, body: int, end: int) -> int:
        """The size of a part that holds this child of the innermost level and nothing else; arguments as of ``_add``."""

    @abstractmethod
    def _enclosed(self, level: OneLevel, inner: bytes) -> bytes:
        """Write a message with its children and then ``inner``, and forget the children. Empty when it has none."""

    @abstractmethod
    def _measure(self) -> None:
        """Work out anew how much fits, because the levels or the limit have changed."""

    def _descend(self, number: int, start: int, end: int) -> None:
        """Open a message, place its children, close it."""
        self._levels.append(self._opened(number, start, end))
        self._measure()
        self._place_all(start, end)
        if len(self._levels) > 1:  # _flush() ends the request itself
            if closed := self._enclosed(self._levels.pop(), b""):
                self._put(closed)
            self._measure()

    def _place_all(self, start: int, end: int) -> None:
        """Place the children of the innermost level, which are between ``start`` and ``end``."""
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
        if size > self._record_limit:
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
        """End the present part, if it has a child, and begin an empty one with the same levels."""
        part = b""
        for level in reversed(self._levels):
            part = self._enclosed(level, part)
        if part:
            self._done.append(part)
            self._allowance.spend(len(part), self._key)
            self._part_limit = min(self._record_limit, self._allowance.largest(self._key))
        self._measure()

    def _items(self, body: int, end: int) -> int:
        """How many items a child of the innermost level holds."""
        rest = self._path[len(self._levels) :]
        return wire.count_items(self._request, rest, body, end) if rest else 1

    def _divisible(self, body: int, end: int) -> bool:
        depth = len(self._levels)
        if depth == len(self._path):
            return False
        children = wire.count_items(self._request, (self._path[depth],), body, end)
        # When a oneof is set twice only the last one counts. In two parts, both would count.
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
