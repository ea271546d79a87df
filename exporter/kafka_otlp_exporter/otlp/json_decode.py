"""OTLP/JSON to the protobuf wire format, for messages of any OTLP type. Pure.

It is driven by the protobuf descriptors, so no field of OTLP is named here. It writes the wire format itself, so that
the parsed text is the only tree of objects in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.json_text import MOST_VALUES, parse
from kafka_otlp_exporter.otlp.scalars import OutOfRange, Read, Unfit, prefix, scalar, unfit
from kafka_otlp_exporter.otlp.signals import ItemPath
from kafka_otlp_exporter.otlp.wire import Malformed

# Appends a value, its tag first, to the bytes written so far. The number is how deep messages may nest in it.
Write = Callable[[bytearray, Any, int], None]

_DEFAULTS: Mapping[int, bytes] = {wire.VARINT: b"\0", wire.LEN: b"\0", wire.I32: b"\0" * 4, wire.I64: b"\0" * 8}


def decode(text: bytes, message: type[Message], item_path: ItemPath = (), most: int = MOST_VALUES) -> tuple[bytes, int]:
    """The OTLP/JSON ``text`` as a serialised ``message``, and how many messages are at the end of ``item_path``.

    Each step of the path is one field number. ``most`` is how many values the text may have, an object counting as two.
    The result always passes ``wire.validate``, so it need not be parsed again to check it.

    Raises wire.Malformed. Its sentence says where the text is wrong, what was found there and what is allowed, and
    repeats nothing of the content. While it is decoded, a long string needs up to six times its bytes: one character
    beyond U+FFFF makes each of its characters four bytes wide.
    """
    parsed, values = parse(text, most)
    try:
        return serialise(parsed, values, message), count(parsed, message, item_path)
    except Unfit as wrong:
        sentence = wrong.sentence()
    raise Malformed(sentence)  # out here, so that it does not keep the other error, whose frames have the content


def serialise(parsed: Any, values: int, message: type[Message]) -> bytes:
    """What ``parse`` has made of a text of so many ``values``, as a serialised ``message``.

    Raises Unfit when a value is wrong, and wire.Malformed when messages are nested too deep or are too many.
    """
    payload = bytes(_decoded_type(message.DESCRIPTOR).message(parsed, wire.MAX_DEPTH))
    if values > wire.MAX_FIELDS:
        # Each field of the payload is a value of the text, so only such a text can have more than are allowed.
        wire.validate(payload, message)
    return payload


def try_item(value: Any, descriptor: Any, depth: int) -> None:
    """Serialise one message for its errors alone, ``depth`` messages inside of a request. Raises Unfit or wire.Malformed."""
    _decoded_type(descriptor).message(value, wire.MAX_DEPTH - depth)


def count(parsed: Any, message: type[Message], item_path: ItemPath) -> int:
    """How many objects the path leads to, in a text that was serialised without an error."""
    holders = [parsed]
    keys = keys_of(message.DESCRIPTOR, item_path)
    for key in keys[:-1]:
        holders = [one for holder in holders for one in member(holder, key) or ()]
    return sum(len(member(holder, key) or ()) for holder in holders for key in keys[-1:])


def member(holder: Any, key: tuple[str, str]) -> Any:
    """The value of a field, whichever of its two spellings is used; None when there is none."""
    found = holder.get(key[0])
    return holder.get(key[1]) if found is None else found


@cache
def keys_of(descriptor: Any, path: ItemPath) -> tuple[tuple[str, str], ...]:
    """The fields of a path, each of whose steps is one field: their names in JSON and in protobuf."""
    keys: list[tuple[str, str]] = []
    for [number] in path:
        found = descriptor.fields_by_number[number]
        keys.append((found.json_name, found.name))
        descriptor = found.message_type
    return tuple(keys)


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
    def choices(self) -> list[list[tuple[str, str]]]:
        """The oneofs with more than one member, both spellings of each: a message may have only one of them."""
        oneofs = [[(one.json_name, one.name) for one in oneof.fields] for oneof in self.descriptor.oneofs]
        return [keys for keys in oneofs if len(keys) > 1]

    @cached_property
    def numbers(self) -> list[tuple[str, str]]:
        """The members of a oneof of numbers, such as ``asDouble`` and ``asInt``: a point without any has no value."""
        kinds = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_INT64)
        return [
            (one.json_name, one.name)
            for oneof in self.descriptor.oneofs
            if {one.cpp_type for one in oneof.fields} == set(kinds)
            for one in oneof.fields
        ]

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
        if self.numbers:
            self._check_value(value)
        writers = self.writers
        out = bytearray()
        for key, item in value.items():
            write = writers.get(key) or self._original(value, key)
            if write is not None and item is not None:
                try:
                    write(out, item, depth)
                except Unfit as wrong:
                    wrong.steps.append(f".{key}")
                    raise
        return out

    def _original(self, value: dict[str, Any], key: str) -> Write | None:
        """The writer of a field that is spelt as in protobuf, which parsers of ProtoJSON read too; None for an unknown key."""
        name = self.originals.get(key)
        if name is None:
            return None
        if value.get(name) is not None and value[key] is not None:
            raise Unfit(f"has both {name} and {key}, which are two spellings of one field")
        return self.writers[name]

    def _check_choices(self, value: dict[str, Any]) -> None:
        for keys in self.choices:
            there = [key[0] for key in keys if member(value, key) is not None]
            if len(there) > 1:
                raise Unfit(f"has both {there[0]} and {there[1]}, and may have only one of them")

    def _check_value(self, value: dict[str, Any]) -> None:
        """Refuse a data point whose value is null, which is how JavaScript writes NaN.

        Where both members are null, a writer has spelt out that they are not set.
        """
        there = [key for key in self.numbers if key[0] in value or key[1] in value]
        if len(there) == 1 and member(value, there[0]) is None:
            raise Unfit("has no value: its number is null")


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
    if (double := _double_beside(one)) is not None:
        return _number(tag, read, _tag(double.number, wire.I64), scalar(double).read)
    if one.is_packed:
        return _packed(_tag(one.number, wire.LEN), read)
    if one.is_repeated:
        return _scalars(tag, read)
    return _scalar(tag, read, None if one.has_presence else _DEFAULTS[found.kind])


def _double_beside(one: Any) -> Any:
    """The member of type double in the oneof of a 64-bit integer; None when there is none."""
    if one.containing_oneof is None or one.cpp_type != FieldDescriptor.CPPTYPE_INT64:
        return None
    doubles = (other for other in one.containing_oneof.fields if other.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE)
    return next(doubles, None)


def _number(tag: bytes, read: Read, double_tag: bytes, read_double: Read) -> Write:
    """Write an integer, or a double when the integer is too large: JavaScript's numbers have no integers."""

    def write(out: bytearray, value: Any, _depth: int) -> None:
        try:
            content = read(value)
        except OutOfRange:
            out += double_tag
            out += read_double(value)
        else:
            out += tag
            out += content

    return write


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
