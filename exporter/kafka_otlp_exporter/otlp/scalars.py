"""The scalar fields of OTLP/JSON: how each is shown in JSON, and how its JSON value is written to the wire. Pure.

Sources: the OTLP specification, "JSON Protobuf Encoding", and protobuf's "ProtoJSON Format".
"""

from __future__ import annotations

import math
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from struct import Struct
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import ID_BYTES

# The longest number in a string that is accepted. An integer needs at most 20 digits, a double 24 characters.
_LONGEST_NUMBER = 64
_LONGEST_PATH = 200

# The grammar of a JSON number, with a bounded exponent.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_STANDARD = str.maketrans("-_", "+/")
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_ALL = (1 << 64) - 1
_LENGTHS = tuple(bytes([length]) for length in range(128))

# From protobuf's value to the value for orjson; None when they are the same.
Show = Callable[[Any], Any] | None
# From orjson's value to the bytes after the tag. Raises Unfit when the value is wrong.
Read = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar type: its wire type, and its conversion in both directions."""

    kind: int
    show: Show
    read: Read


def scalar(field: Any) -> Scalar:
    """The scalar type of a field, by its descriptor. Ids are hex in every message, other bytes are base64."""
    if field.type == FieldDescriptor.TYPE_BYTES and field.name in ID_BYTES:
        return Scalar(wire.LEN, bytes.hex, partial(_identifier, ID_BYTES[field.name]))
    if field.enum_type is not None:
        numbers = {name: value.number for name, value in field.enum_type.values_by_name.items()}
        return Scalar(wire.VARINT, None, partial(_enum, numbers))
    return _SCALARS[field.type]


class Unfit(Exception):
    """A value is wrong: what is wrong with it, and the keys and indexes that lead to it, innermost first."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.steps: list[str] = []

    def sentence(self) -> str:
        """The path of the value, and what is wrong with it."""
        path = "".join(reversed(self.steps)).removeprefix(".")
        if len(path) > _LONGEST_PATH:
            path = f"{path[: _LONGEST_PATH // 2]} … {path[-_LONGEST_PATH // 2 :]}"
        return f"{path or 'the body'} {self.what}"


class OutOfRange(Unfit):
    """A number is too large or too small for its type."""


def unfit(value: Any, allowed: str) -> Unfit:
    """The error for a value of a wrong type or form; ``allowed`` says what it has to be."""
    return Unfit(f"is {_found(value)}, and has to be {allowed}")


def _found(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return f"a string of {len(value)} character{'s' * (len(value) != 1)}"
        case list():
            return "an array"
        case dict():
            return "an object"
        case _:
            return "a number"


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _text_of(value: bytes) -> str:
    return b2a_base64(value, newline=False).decode()


def prefix(length: int) -> bytes:
    """The length prefix of a field of ``length`` bytes."""
    return _LENGTHS[length] if length < 128 else wire.varint(length)


def _string(value: Any) -> bytes:
    if type(value) is not str:
        raise unfit(value, "a string")
    encoded = value.encode()
    return prefix(len(encoded)) + encoded


def _boolean(value: Any) -> bytes:
    if type(value) is not bool:
        raise unfit(value, "true or false")
    return b"\x01" if value else b"\x00"


def _base64(value: Any) -> bytes:
    allowed = "base64"
    if type(value) is not str or not _BASE64.fullmatch(value):
        raise unfit(value, allowed)
    bare = value.rstrip("=")
    if len(bare) % 4 == 1 or (bare != value and len(value) % 4):
        raise unfit(value, allowed)
    content = a2b_base64(bare.translate(_STANDARD) + "=" * (-len(bare) % 4))
    return prefix(len(content)) + content


def _identifier(size: int, value: Any) -> bytes:
    """An id of ``size`` bytes in hex, or an empty string."""
    if value == "":
        return b"\x00"
    try:
        content = bytes.fromhex(value)
    except (TypeError, ValueError):
        content = b""
    # bytes.fromhex ignores spaces, so the length of the text is checked too.
    if len(content) != size or len(value) != 2 * size:
        raise unfit(value, f"{2 * size} hexadecimal digits, or empty")
    return _LENGTHS[size] + content


def _integer(value: Any, low: int, high: int, allowed: str = "an integer") -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    elif type(value) is not int:
        raise unfit(value, allowed)
    if not low <= value <= high:
        raise OutOfRange(f"is a number out of range: it has to be from {low} to {high}")
    return int(value)


def _number(value: Any, low: int, high: int) -> int:
    """An integer, also in a string, and also written as 1.0 or 1e3."""
    if type(value) is str and len(value) <= _LONGEST_NUMBER:
        if value.isdigit() and value.isascii() and value[0] != "0":
            value = int(value)
        elif _NUMBER.fullmatch(value):
            exact = Decimal(value)
            value = int(exact) if exact == int(exact) else value
    return _integer(value, low, high)


def _signed(bits: int, value: Any) -> bytes:
    return wire.varint(_number(value, -1 << bits - 1, (1 << bits - 1) - 1) & _ALL)


def _unsigned(bits: int, value: Any) -> bytes:
    return wire.varint(_number(value, 0, (1 << bits) - 1))


def _zigzag(bits: int, value: Any) -> bytes:
    number = _number(value, -1 << bits - 1, (1 << bits - 1) - 1)
    return wire.varint((number << 1 ^ number >> 63) & _ALL)


def _fixed(bits: int, value: Any) -> bytes:
    return _number(value, 0, (1 << bits) - 1).to_bytes(bits // 8, "little")


def _signed_fixed(bits: int, value: Any) -> bytes:
    return _number(value, -1 << bits - 1, (1 << bits - 1) - 1).to_bytes(bits // 8, "little", signed=True)


def _enum(numbers: Mapping[str, int], value: Any) -> bytes:
    """A number, whether it has a name yet or not, or a name."""
    if type(value) is str and value in numbers:
        value = numbers[value]
    return wire.varint(_integer(value, -1 << 31, (1 << 31) - 1, "an integer, or the name of a value") & _ALL)


def _real(layout: Struct, value: Any) -> bytes:
    if type(value) is str:
        if value in _WORDS:
            return layout.pack(_WORDS[value])
        if len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
            value = float(value)
    if type(value) not in (int, float):
        raise unfit(value, "a number, NaN, Infinity or -Infinity")
    try:
        if math.isfinite(value):
            return layout.pack(value)
    except OverflowError:
        pass
    raise Unfit(f"is a number out of range: {layout.size * 8} bits do not hold it")


_SCALARS: Mapping[int, Scalar] = {
    FieldDescriptor.TYPE_BOOL: Scalar(wire.VARINT, None, _boolean),
    FieldDescriptor.TYPE_BYTES: Scalar(wire.LEN, _text_of, _base64),
    FieldDescriptor.TYPE_DOUBLE: Scalar(wire.I64, _double, partial(_real, Struct("<d"))),
    FieldDescriptor.TYPE_FIXED32: Scalar(wire.I32, None, partial(_fixed, 32)),
    FieldDescriptor.TYPE_FIXED64: Scalar(wire.I64, str, partial(_fixed, 64)),
    FieldDescriptor.TYPE_FLOAT: Scalar(wire.I32, _double, partial(_real, Struct("<f"))),
    FieldDescriptor.TYPE_INT32: Scalar(wire.VARINT, None, partial(_signed, 32)),
    FieldDescriptor.TYPE_INT64: Scalar(wire.VARINT, str, partial(_signed, 64)),
    FieldDescriptor.TYPE_SFIXED32: Scalar(wire.I32, None, partial(_signed_fixed, 32)),
    FieldDescriptor.TYPE_SFIXED64: Scalar(wire.I64, str, partial(_signed_fixed, 64)),
    FieldDescriptor.TYPE_SINT32: Scalar(wire.VARINT, None, partial(_zigzag, 32)),
    FieldDescriptor.TYPE_SINT64: Scalar(wire.VARINT, str, partial(_zigzag, 64)),
    FieldDescriptor.TYPE_STRING: Scalar(wire.LEN, None, _string),
    FieldDescriptor.TYPE_UINT32: Scalar(wire.VARINT, None, partial(_unsigned, 32)),
    FieldDescriptor.TYPE_UINT64: Scalar(wire.VARINT, str, partial(_unsigned, 64)),
}
