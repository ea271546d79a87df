"""The protobuf wire format, from bytes to bytes: whether a payload is valid, and how many items it has. Pure.

A valid payload is forwarded as it came. So its messages are only looked at, and never kept as objects.
Source of the format: the protobuf documentation, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from kafka_otlp_exporter.otlp.signals import ItemPath

VARINT, I64, LEN, START_GROUP, END_GROUP, I32 = range(6)

# upb's parsed form can be 85 times the size of the bytes (empty spans). A larger payload than PARSED_WHOLE_BYTES is parsed
# in slices of PARSED_SLICE_BYTES, so one request needs 90 MB for a moment at the worst, however large it is.
PARSED_WHOLE_BYTES = 1024 * 1024
PARSED_SLICE_BYTES = 128 * 1024

# How many fields side by side one request may have; to tell them apart takes about 2 s of CPU. A sensible request of
# 64 MiB has fewer items. Without the limit, a request of empty items would delay all others for a minute.
MAX_FIELDS = 2_000_000

# The default limit of the parsers of upb, Java and C++. A message that is nested deeper would break a consumer.
MAX_DEPTH = 100

_PACKED_VARINTS = frozenset(
    {
        FieldDescriptor.TYPE_BOOL,
        FieldDescriptor.TYPE_ENUM,
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_SINT32,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64,
    }
)


class Malformed(ValueError):
    """The bytes are not the message that they claim to be."""


class TooManyFields(Malformed):
    """To tell the fields apart would take too long."""


def parsed(
    payload: bytes,
    message: type[Message],
    *,
    whole: int = PARSED_WHOLE_BYTES,
    slice_bytes: int = PARSED_SLICE_BYTES,
) -> Iterator[Any]:
    """Parse ``payload`` as ``message``, in bounded memory. Raises Malformed when it does not parse.

    A payload of more than ``whole`` bytes comes in slices of about ``slice_bytes``, each a message of its own.
    """
    try:
        if len(payload) <= whole:
            yield message.FromString(payload)
            return
        for piece in slices(payload, message, slice_bytes):
            yield message.FromString(piece)
    except DecodeError:
        raise Malformed(f"the payload is no valid {message.DESCRIPTOR.full_name}") from None


def validate(
    payload: bytes,
    message: type[Message],
    item_path: ItemPath = (),
    *,
    whole: int = PARSED_WHOLE_BYTES,
    slice_bytes: int = PARSED_SLICE_BYTES,
) -> int:
    """Check that ``payload`` parses as ``message``, in bounded memory (see ``parsed``). Raises Malformed when it does not.

    Returns how many messages are at the end of ``item_path``, each of whose steps is one field number.
    """
    for piece in parsed(payload, message, whole=whole, slice_bytes=slice_bytes):
        if len(payload) <= whole:
            return count_parsed(piece, names(message.DESCRIPTOR, item_path))
    return count_items(payload, item_path) if item_path else 0


def count_parsed(message: Message, path: Sequence[str]) -> int:
    """Count like ``count_items``, but in a parsed message, which takes a small part of the time."""
    holders: list[Any] = [message]
    for name in path[:-1]:
        holders = [one for holder in holders for one in getattr(holder, name)]
    return sum(len(getattr(holder, name)) for holder in holders for name in path[-1:])


@cache
def names(descriptor: Any, path: ItemPath) -> tuple[str, ...]:
    """The names of the fields of a path, each of whose steps is one field."""
    found: list[str] = []
    for [number] in path:
        step = descriptor.fields_by_number[number]
        found.append(step.name)
        descriptor = step.message_type
    return tuple(found)


@dataclass(slots=True)
class _Slicer:
    """One pass over a payload; ``fields`` counts the fields that were told apart so far."""

    payload: bytes
    limit: int
    fields: int = 0

    def pieces(self, start: int, end: int, descriptor: Any, path: tuple[int, ...]) -> Iterator[bytes]:
        """The slices of one message: runs of neighbouring fields, and the slices of each field that is too large."""
        if len(path) > MAX_DEPTH:
            raise Malformed(f"messages are nested more than {MAX_DEPTH} deep")
        payload, limit = self.payload, self.limit
        begin = position = start
        while position < end:
            first = position
            number, kind, body, position = field(payload, first, end)
            self.fields += 1
            if position - begin <= limit:
                continue
            if begin < first:
                self._check_count()
                yield _enclose(path, payload[begin:first])
                begin = first
            inner = descriptor.fields_by_number.get(number) if kind == LEN and position - first > limit else None
            if inner is None:
                continue
            if inner.message_type is not None:
                yield from self.pieces(body, position, inner.message_type, (*path, number))
                begin = position
            elif inner.is_repeated and inner.type in _PACKED_VARINTS:
                yield from (_enclose((*path, number), piece) for piece in packed(payload, body, position, limit))
                begin = position
        if begin < end:
            yield _enclose(path, payload[begin:end])

    def _check_count(self) -> None:
        if self.fields > MAX_FIELDS:
            raise TooManyFields(
                f"the payload has more than {MAX_FIELDS} items or other fields side by side; send fewer at once"
            )


def slices(payload: bytes, message: type[Message], limit: int) -> Iterator[bytes]:
    """Cut a ``message`` into messages of the same type, of about ``limit`` bytes (10 or more), fields in order.

    Only messages and packed varints are cut: a longer string makes a longer slice. Each slice repeats the messages
    around it, so it parses at its true depth. All slices parse if and only if the payload does. Raises Malformed when
    the bytes are no fields, are nested more than MAX_DEPTH deep, or are more than MAX_FIELDS.
    """
    return _Slicer(payload, limit).pieces(0, len(payload), message.DESCRIPTOR, ())


def packed(payload: bytes, start: int, end: int, limit: int) -> Iterator[bytes]:
    """Cut the packed varints between ``start`` and ``end`` into pieces of at most ``limit`` bytes (10 or more).

    Raises Malformed when one varint is longer than ``limit``.
    """
    while end - start > limit:
        cut = start + limit
        while cut > start and payload[cut - 1] & 0x80:
            cut -= 1
        if cut == start:
            raise Malformed("a number is longer than ten bytes")
        yield payload[start:cut]
        start = cut
    yield payload[start:end]


def _enclose(path: tuple[int, ...], content: bytes) -> bytes:
    length = len(content)
    headers = []
    for number in reversed(path):
        header = _header(number, length)
        headers.append(header)
        length += len(header)
    return b"".join([*reversed(headers), content])


def enclose(number: int, content: bytes) -> bytes:
    """Write a length-delimited field: tag, length, ``content``."""
    return _header(number, len(content)) + content


def header_size(number: int, length: int) -> int:
    """The bytes of the tag and the length of a field whose body has ``length`` bytes."""
    return len(_header(number, length))


def _header(number: int, length: int) -> bytes:
    return varint(number << 3 | LEN) + varint(length)


def joined(payload: bytes, number: int, start: int = 0, end: int | None = None) -> bytes:
    """The bodies of all length-delimited fields with this number, one after the other.

    Protobuf merges a message that is set twice, and their bodies joined are that merge. ``start`` and ``end`` bound a
    message inside ``payload``. Raises Malformed when the bytes are no fields.
    """
    if end is None:
        end = len(payload)
    found = bytearray()
    while start < end:
        at, kind, body, start = field(payload, start, end)
        if at == number and kind == LEN:
            found += payload[body:start]
    return bytes(found)


def last(payload: bytes, number: int, start: int, end: int) -> bytes | None:
    """The body of the last length-delimited field with this number between ``start`` and ``end``, or None.

    In protobuf the last one counts. Raises Malformed when the bytes are no fields, or the last one passes ``end``.
    """
    wanted = number << 3 | LEN
    found = None
    while start < end - 1:
        tag = payload[start]
        kind = tag & 0x87
        # The common cases of field(), without the calls: a tag of one byte, then a length or number of one byte, or
        # eight fixed bytes.
        if kind == LEN and payload[start + 1] < 0x80:
            body = start + 2
            start = body + payload[start + 1]
            if tag == wanted:
                found = body, start
        elif kind == I64:
            start += 9
        elif kind == VARINT and payload[start + 1] < 0x80:
            start += 2
        else:
            at, kind, body, start = field(payload, start, end)
            if at == number and kind == LEN:
                found = body, start
    if start != end:
        raise Malformed("the payload ends inside a field")
    return None if found is None else payload[found[0] : found[1]]


def varint(value: int) -> bytes:
    """Write a number from 0 to 2**64 - 1 as a varint: seven bits in each byte, the lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def count_items(payload: bytes, path: ItemPath, start: int = 0, end: int | None = None) -> int:
    """How many fields the path of field numbers leads to: the spans, data points or log records of a request.

    ``start`` and ``end`` bound the message inside ``payload`` at which the path begins. Raises Malformed when the bytes
    are no fields.
    """
    if end is None:
        end = len(payload)
    count = 0
    while start < end:
        number, kind, body, start = field(payload, start, end)
        if kind == LEN and number in path[0]:
            count += 1 if len(path) == 1 else count_items(payload, path[1:], body, start)
    return count


def field(payload: bytes, position: int, end: int) -> tuple[int, int, int, int]:
    """The field at ``position``, as (field number, wire type, start of its body, end of the field).

    Raises Malformed when the bytes there are no field, or it passes ``end``.
    """
    tag = payload[position]
    if tag & 0x87 == LEN and position + 4 <= end:
        # Most fields of a payload, without another call: a tag of one byte, and a length of one or two.
        length = payload[position + 1]
        body = position + 2
        if length & 0x80:
            length += (payload[body] - 1) << 7
            body += 1
        if payload[body - 1] < 0x80 and body + length <= end:
            return tag >> 3, LEN, body, body + length
    position += 1
    if tag & 0x80:
        tag, position = _read(payload, position - 1, end, 5)
    kind = tag & 7
    if kind == LEN:
        if position >= end:
            raise Malformed("the payload ends inside a field")
        length = payload[position]
        body = position + 1
        if length & 0x80:
            length, body = _read(payload, position, end, 5)
        stop = body + length
    else:
        body = position
        stop = _end_of_scalar(payload, tag >> 3, kind, body, end)
    if stop > end:
        raise Malformed("the payload ends inside a field")
    return tag >> 3, kind, body, stop


def _end_of_scalar(payload: bytes, number: int, kind: int, position: int, end: int) -> int:
    match kind:
        case 0:
            return _read(payload, position, end, 10)[1]
        case 1:
            return position + 8
        case 5:
            return position + 4
        case 3:
            return _end_of_group(payload, number, position, end)
        case _:
            raise Malformed(f"field {number} has the unknown wire type {kind}")


def _end_of_group(payload: bytes, number: int, position: int, end: int) -> int:
    """The position after a group. OTLP has no groups; one that is an unknown field is forwarded like any other field."""
    open_groups = [number]
    while open_groups:
        if position >= end or len(open_groups) > MAX_DEPTH:
            raise Malformed("a group does not end, or groups are nested too deep")
        tag, after = _read(payload, position, end, 5)
        if tag & 7 == END_GROUP:
            if open_groups.pop() != tag >> 3:
                raise Malformed("a group ends that was not open")
            position = after
        elif tag & 7 == START_GROUP:
            open_groups.append(tag >> 3)
            position = after
        else:
            position = field(payload, position, end)[3]
    return position


def _read(payload: bytes, position: int, end: int, longest: int) -> tuple[int, int]:
    value = shift = 0
    for index in range(position, min(end, position + longest)):
        byte = payload[index]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if longest == 5 and value > 0xFFFFFFFF:
                break
            return value, index + 1
        shift += 7
    raise Malformed("a number is too long, or the payload ends inside it")
