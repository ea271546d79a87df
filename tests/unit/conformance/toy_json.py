"""OTLP/JSON to protobuf messages, by their descriptors, with the faults of ``toy``. Called by ``toy_http``."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from conformance.signals import Signal
from tests.unit.conformance.toy import Behaviour

_IDS = {"trace_id", "span_id", "parent_span_id"}
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_LONG = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
_DEEPEST = 200


def decoded(behaviour: Behaviour, signal: Signal, body: bytes) -> Any:
    """The request. Raises Refused."""
    try:
        found = _read(behaviour, body)
        request = signal.request()
        if isinstance(found, dict) or not behaviour.has("any JSON taken"):
            _fill(behaviour, request, _typed(found, dict), 0)
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        if behaviour.has("garbage taken"):
            return signal.request()
        raise behaviour.bad(f"{type(error).__name__}: {error}"[:200]) from None
    return request


def _read(behaviour: Behaviour, body: bytes) -> Any:
    def no_number(text: str) -> float:
        if behaviour.has("bare NaN taken"):
            return float(text)
        raise ValueError(text)

    text = body.decode(errors="replace" if behaviour.has("UTF-8 unchecked") else "strict")
    if behaviour.has("any JSON taken") and not text.strip():
        return None
    decoder = json.JSONDecoder(parse_constant=no_number)
    return decoder.raw_decode(text)[0] if behaviour.has("trailing garbage taken") else decoder.decode(text)


def _fill(behaviour: Behaviour, message: Any, found: dict[str, Any], depth: int) -> None:
    if depth > _DEEPEST:
        raise RecursionError("too deep")
    fields = {field.json_name: field for field in message.DESCRIPTOR.fields}
    if not behaviour.has("snake_case ignored"):
        fields.update({field.name: field for field in message.DESCRIPTOR.fields})
    for name, value in found.items():
        field = fields.get(name)
        if field is None:
            if behaviour.has("unknown names refused"):
                raise ValueError(name)
            continue
        if value is None:
            if behaviour.has("null refused"):
                raise ValueError(name)
            continue
        _set(behaviour, message, field, value, depth)


def _set(behaviour: Behaviour, message: Any, field: FieldDescriptor, value: Any, depth: int) -> None:
    if not field.is_repeated:
        if field.message_type is not None:
            into = getattr(message, field.name)
            into.SetInParent()
            _fill(behaviour, into, _typed(value, dict), depth + 1)
        else:
            setattr(message, field.name, _scalar(behaviour, field, value))
        return
    if behaviour.has("types unchecked") and not isinstance(value, list):
        return
    into = getattr(message, field.name)
    for item in _typed(value, list):
        if field.message_type is not None:
            _fill(behaviour, into.add(), _typed(item, dict), depth + 1)
        else:
            into.append(_scalar(behaviour, field, item))


def _scalar(behaviour: Behaviour, field: FieldDescriptor, value: Any) -> Any:
    if behaviour.has("types unchecked") and isinstance(value, dict | list):
        return field.default_value
    if field.enum_type is not None:
        if isinstance(value, str) and not behaviour.has("enum names refused"):
            return field.enum_type.values_by_name[value].number
        if behaviour.has("enum numbers refused"):
            raise ValueError(field.name)
        return _typed(value, int)
    if field.cpp_type in _RANGES:
        return _whole(behaviour, field, value)
    if field.cpp_type in _FLOATS:
        if isinstance(value, str) and behaviour.has("NaN refused"):
            raise ValueError(value)
        return float(value) if isinstance(value, str) else float(_typed(value, (int, float)))
    if field.type == FieldDescriptor.TYPE_BYTES:
        text = _typed(value, str)
        return _identifier(behaviour, text) if field.name in _IDS else _bytes(behaviour, text)
    return _typed(value, bool if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else str)


def _whole(behaviour: Behaviour, field: FieldDescriptor, value: Any) -> int:
    if field.cpp_type in _LONG and behaviour.has(f"{'strings' if isinstance(value, str) else 'numbers'} refused"):
        raise ValueError(field.name)
    number = int(value) if isinstance(value, str) else _typed(value, int)
    low, high = _RANGES[field.cpp_type]
    if behaviour.has("whole numbers through doubles") and abs(number) < 2**60:
        number = int(float(number))
    if behaviour.has("whole numbers wrap"):
        number = (number - low) % (high - low + 1) + low
    if not low <= number <= high:
        raise ValueError(field.name)
    return int(number)


def _identifier(behaviour: Behaviour, text: str) -> bytes:
    if behaviour.has("ids read as base64"):
        return base64.b64decode(text + "=" * (-len(text) % 4))
    if behaviour.has("odd ids taken"):
        text = "0" * (len(text) % 2) + text
    if text and behaviour.has("upper-case ids refused") and text == text.upper():
        raise ValueError(text)
    if text and behaviour.has("lower-case ids refused") and text == text.lower():
        raise ValueError(text)
    return bytes.fromhex(text)


def _bytes(behaviour: Behaviour, text: str) -> bytes:
    if behaviour.has("base64 kept as text"):
        return text.encode()
    if behaviour.has("base64 refused"):
        raise ValueError(text)
    if behaviour.has("strict base64"):
        return base64.b64decode(text, validate=True)
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    return base64.b64decode(padded, validate=not behaviour.has("loose base64"))


def _typed(value: Any, types: Any) -> Any:
    if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
        raise TypeError(f"{type(value).__name__} is not {types}")
    return value
