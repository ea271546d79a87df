"""The key of a resource: the OpenTelemetry Collector's ``MapHash``, so that placement matches a Collector's. Pure.

Called by ``records``. Source: opentelemetry-collector-contrib, pkg/pdatautil, hash.go. The grammar, over the attributes
in the byte order of their names: F4 name value; a value is F7 text, F8 true, F9 false, FA integer and FB double (eight
bytes, little endian), FC entries FD for a map, FE elements FF for a list, F6 bytes, F5 nothing. The key is the xxHash64
of that and the one of that with F3 behind it, eight bytes each, little endian. Without attributes it is sixteen zeros.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import xxhash

_EMPTY = bytes(16)


def resource_key(attributes: Iterable[Any]) -> bytes:
    """The 16-byte key of a resource with these attributes (``opentelemetry.proto.common.v1.KeyValue``).

    The order of the attributes does not matter; of two with one name the first counts.
    """
    hashed = bytearray()
    _append_map(hashed, attributes)
    if not hashed:
        return _EMPTY
    first = xxhash.xxh64_intdigest(bytes(hashed))
    hashed.append(0xF3)
    return struct.pack("<QQ", first, xxhash.xxh64_intdigest(bytes(hashed)))


def _append_map(hashed: bytearray, attributes: Iterable[Any]) -> None:
    first: dict[bytes, Any] = {}
    for attribute in attributes:
        first.setdefault(attribute.key.encode(), attribute.value)
    for name in sorted(first):
        hashed.append(0xF4)
        hashed += name
        _append_value(hashed, first[name])


def _append_value(hashed: bytearray, value: Any) -> None:
    match value.WhichOneof("value"):
        case "string_value":
            hashed.append(0xF7)
            hashed += value.string_value.encode()
        case "bool_value":
            hashed.append(0xF8 if value.bool_value else 0xF9)
        case "int_value":
            hashed += struct.pack("<Bq", 0xFA, value.int_value)
        case "double_value":
            hashed += struct.pack("<Bd", 0xFB, value.double_value)
        case "kvlist_value":
            hashed.append(0xFC)
            _append_map(hashed, value.kvlist_value.values)
            hashed.append(0xFD)
        case "array_value":
            hashed.append(0xFE)
            for element in value.array_value.values:
                _append_value(hashed, element)
            hashed.append(0xFF)
        case "bytes_value":
            hashed.append(0xF6)
            hashed += value.bytes_value
        case _:
            hashed.append(0xF5)
