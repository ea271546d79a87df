"""OTLP/JSON to the protobuf wire format, for messages of any OTLP type. Pure.

It is driven by the protobuf descriptors, so no field of OTLP is named here. It writes the wire format itself, so that
the parsed text is the only tree of objects in memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

import orjson
from google.protobuf.message import Message

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.scalars import Read, Unfit, prefix, scalar, unfit
from kafka_otlp_exporter.otlp.signals import ItemPath
from kafka_otlp_exporter.otlp.wire import Malformed

# How many values a text may have, an object counting as two, because Python's objects are many times the size of the
# text. The worst text of 8 MiB with so many values needs 130 MB for a moment: one object of half a million members. The
# limit is reached by 13,000 spans of eight attributes.
MOST_VALUES = 800_000
# When requests may hold many bytes, a text may have one value for each BYTES_A_VALUE of them. The most expensive value
# needs 160 bytes for a moment.
BYTES_A_VALUE = 100

# A string, or the beginning of one that does not end. Its quantifiers are possessive, so no byte is read twice.
_LITERAL = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_SHORT = 32

# Appends a value, its tag first, to the bytes written so far. The number is how deep messages may nest in it.
Write = Callable[[bytearray, Any, int], None]

_DEFAULTS: Mapping[int, bytes] = {wire.VARINT: b"\0", wire.LEN: b"\0", wire.I32: b"\0" * 4, wire.I64: b"\0" * 8}


def most_values(in_flight_bytes: int) -> int:
    """How many values a text may have when all requests together may hold ``in_flight_bytes``."""
    return max(MOST_VALUES, in_flight_bytes // BYTES_A_VALUE)


def decode(text: bytes, message: type[Message], item_path: ItemPath = (), most: int = MOST_VALUES) -> tuple[bytes, int]:
    """The OTLP/JSON ``text`` as a serialised ``message``, and how many messages are at the end of ``item_path``.

    Each step of the path is one field number. ``most`` is how many values the text may have, an object counting as two.
    The result always passes ``wire.validate``, so it need not be parsed again to check it.

    Raises wire.Malformed. Its sentence says where the text is wrong, what was found there and what is allowed, and
    repeats nothing of the content. While it is decoded, a long string needs up to six times its bytes: one character
    beyond U+FFFF makes each of its characters four bytes wide.
    """
    values = _values(text, 0, len(text))
    if values > most and not _has_few_values(text, most):
        raise Malformed(f"the body has more than {most} values, an object counting as two; send fewer at once")
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        sentence = f"the body is no valid JSON: {error.msg} (at character {error.pos})"
    else:
        try:
            payload = bytes(_decoded_type(message.DESCRIPTOR).message(parsed, wire.MAX_DEPTH))
        except Unfit as unfit_value:
            sentence = unfit_value.sentence()
        else:
            items = _count(parsed, _keys(message.DESCRIPTOR, item_path))
            del parsed
            if values > wire.MAX_FIELDS:
                # Each field of the payload is a value of the text, so only such a text can have more than are allowed.
                wire.validate(payload, message)
            return payload, items
    raise Malformed(sentence)


def _count(parsed: Any, keys: Sequence[str]) -> int:
    """How many objects the path of ``keys`` leads to, in a text that was decoded without an error."""
    holders = [parsed]
    for key in keys[:-1]:
        holders = [one for holder in holders for one in holder.get(key) or ()]
    return sum(len(holder.get(key) or ()) for holder in holders for key in keys[-1:])


@cache
def _keys(descriptor: Any, path: ItemPath) -> tuple[str, ...]:
    """The JSON names of the fields of a path, each of whose steps is one field."""
    keys: list[str] = []
    for [number] in path:
        found = descriptor.fields_by_number[number]
        keys.append(found.json_name)
        descriptor = found.message_type
    return tuple(keys)


def _values(text: bytes, start: int, end: int) -> int:
    """An upper bound for the number of values: each one but the first has a comma or a bracket before it."""
    return 2 * text.count(b"{", start, end) + text.count(b"[", start, end) + text.count(b",", start, end)


def _has_few_values(text: bytes, most: int) -> bool:
    """Whether there are at most ``most`` values when commas and brackets in long strings are not counted."""
    values = _values(text, 0, len(text))
    for number, literal in enumerate(_LITERAL.finditer(text)):
        # Each value has at most two strings: itself and its key.
        if number > 2 * most:
            return False
        start, end = literal.span()
        if end - start > _SHORT:
            values -= _values(text, start, end)
    return values <= most


class _DecodedType:
    """What the decoder knows of one message type. It is worked out when first used, because types can contain themselves."""

    def __init__(self, descriptor: Any) -> None:
        self.descriptor = descriptor

    @cached_property
    def writers(self) -> dict[str, Write]:
        """The writer of each field, by its key."""
        return {one.json_name: _writer(one) for one in self.descriptor.fields}

    @cached_property
    def originals(self) -> dict[str, str]:
        """The JSON names of fields, by their names in protobuf, where the two differ."""
        return {one.name: one.json_name for one in self.descriptor.fields if one.name != one.json_name}

    @cached_property
    def choices(self) -> list[list[str]]:
        """The oneofs with more than one member: a message may have only one of the keys of each."""
        oneofs = [[one.json_name for one in oneof.fields] for oneof in self.descriptor.oneofs]
        return [keys for keys in oneofs if len(keys) > 1]

    def message(self, value: Any, depth: int) -> bytearray:
        """An object as a serialised message, in which messages may nest ``depth`` deep.

        Raises Unfit when a value is wrong, and Malformed when messages are nested too deep.
        """
        if type(value) is not dict:
            raise unfit(value, "an object")
        if depth < 0:
            raise Malformed(f"messages are nested more than {wire.MAX_DEPTH} deep")
        if len(value) > 1 and self.choices:
            self._check_choices(value)
        writers = self.writers
        out = bytearray()
        for key, item in value.items():
            write = writers.get(key)
            if write is None:
                if key in self.originals:
                    raise Unfit(f"has the key {key}, which is spelt {self.originals[key]} in OTLP/JSON")
            elif item is not None:
                try:
                    write(out, item, depth)
                except Unfit as wrong:
                    wrong.steps.append(f".{key}")
                    raise
        return out

    def _check_choices(self, value: dict[str, Any]) -> None:
        for keys in self.choices:
            there = [key for key in keys if value.get(key) is not None]
            if len(there) > 1:
                raise Unfit(f"has both {there[0]} and {there[1]}, and may have only one of them")


@cache
def _decoded_type(descriptor: Any) -> _DecodedType:
    return _DecodedType(descriptor)


def _writer(one: Any) -> Write:
    if one.message_type is not None:
        inner = _decoded_type(one.message_type)
        tag = _tag(one.number, wire.LEN)
        return _messages(tag, inner) if one.is_repeated else _message(tag, inner)
    found = scalar(one)
    tag, read = _tag(one.number, found.kind), found.read
    if one.is_packed:
        return _packed(_tag(one.number, wire.LEN), read)
    if one.is_repeated:
        return _scalars(tag, read)
    return _scalar(tag, read, None if one.has_presence else _DEFAULTS[found.kind])


def _tag(number: int, kind: int) -> bytes:
    return wire.varint(number << 3 | kind)


def _scalar(tag: bytes, read: Read, left_out: bytes | None) -> Write:
    def write(out: bytearray, value: Any, _depth: int) -> None:
        content = read(value)
        if content != left_out:
            out += tag
            out += content

    return write


def _message(tag: bytes, inner: _DecodedType) -> Write:
    def write(out: bytearray, value: Any, depth: int) -> None:
        content = inner.message(value, depth - 1)
        out += tag
        out += prefix(len(content))
        out += content

    return write


def _messages(tag: bytes, inner: _DecodedType) -> Write:
    def write(out: bytearray, values: Any, depth: int) -> None:
        # The same as _each with _message, with two calls less, because most of the time is spent here.
        for index, item in enumerate(_array(values)):
            try:
                content = inner.message(item, depth - 1)
                out += tag
                out += prefix(len(content))
                out += content
            except Unfit as wrong:
                wrong.steps.append(f"[{index}]")
                raise

    return write


def _scalars(tag: bytes, read: Read) -> Write:
    one = _scalar(tag, read, None)
    return lambda out, value, depth: _each(value, lambda item: one(out, item, depth))


def _packed(tag: bytes, read: Read) -> Write:
    def write(out: bytearray, value: Any, _depth: int) -> None:
        content = bytearray()
        _each(value, lambda item: content.extend(read(item)))
        if content:
            out += tag
            out += prefix(len(content))
            out += content

    return write


def _each(values: Any, write: Callable[[Any], None]) -> None:
    for index, item in enumerate(_array(values)):
        try:
            write(item)
        except Unfit as wrong:
            wrong.steps.append(f"[{index}]")
            raise


def _array(values: Any) -> list[Any]:
    if type(values) is not list:
        raise unfit(values, "an array")
    return values
