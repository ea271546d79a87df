"""The key of a record: a hash of its resource's attributes, or the id of a trace. Pure.

The hash is the OpenTelemetry Collector's ``MapHash``, so records go to the same partitions as a Collector's. Source:
opentelemetry-collector-contrib, pkg/pdatautil, hash.go. It hashes these bytes, for each attribute in the byte order of
the names: F4, name, value. A value is F7 text, F8 true, F9 false, FA integer, FB double (eight bytes, little endian),
FC entries FD (a map), FE elements FF (a list), F6 bytes, or F5 (nothing). The key is the xxHash64 of those bytes and then
the xxHash64 of those bytes and F3, eight bytes each, little endian. Without attributes the key is sixteen zeros.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import xxhash

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import Resource
from kafka_otlp_exporter.records.groups import KeyOf

_EMPTY = bytes(16)
_TRACE_ID_BYTES = 16

# A larger resource has no key, because upb's parsed form can be 85 times the size of the bytes.
LARGEST_RESOURCE = 256 * 1024


@dataclass(frozen=True)
class Keying:
    """How a signal is keyed: ``key_of`` gives the key of each message ``depth`` steps down its ``item_path``."""

    depth: int
    key_of: KeyOf


def by_resource(names: Sequence[str] = ()) -> Keying:
    """Key by the hash of a resource's attributes, or only of those with these names.

    The key is null when names are given and the resource has none of them, or when it is larger than LARGEST_RESOURCE.
    """
    return Keying(1, partial(_of_resource, frozenset(names)))


def by_trace(number: int) -> Keying:
    """Key by the trace id, which is field ``number`` of an item: 32 hexadecimal digits in lower case.

    The key is null when the id is absent, all zeros, or not 16 bytes long. OTLP calls such an id invalid.
    """
    return Keying(3, partial(_of_item, number))


def _of_resource(names: frozenset[str], request: bytes, start: int, end: int) -> bytes | None:
    """The key of one ResourceSpans, ResourceMetrics or ResourceLogs, whose field 1 is its resource."""
    resource = wire.joined(request, 1, start, end)
    if len(resource) > LARGEST_RESOURCE:
        return None
    attributes = Resource.FromString(resource).attributes
    if not names:
        return resource_key(attributes)
    named = [attribute for attribute in attributes if attribute.key in names]
    return resource_key(named) if named else None


def _of_item(number: int, request: bytes, start: int, end: int) -> bytes | None:
    found = wire.last(request, number, start, end)
    if found is None or len(found) != _TRACE_ID_BYTES or not any(found):
        return None
    return found.hex().encode()


def resource_key(attributes: Iterable[Any]) -> bytes:
    """The 16-byte key of a resource with these attributes (``opentelemetry.proto.common.v1.KeyValue``).

    The order of the attributes does not matter. When two attributes have the same name, the value of the first is hashed
    twice, as the Collector does it.
    """
    hashed = bytearray()
    _append_map(hashed, attributes)
    if not hashed:
        return _EMPTY
    first = xxhash.xxh64_intdigest(bytes(hashed))
    hashed.append(0xF3)
    return struct.pack("<QQ", first, xxhash.xxh64_intdigest(bytes(hashed)))


def _append_map(hashed: bytearray, attributes: Iterable[Any]) -> None:
    names: list[bytes] = []
    first: dict[bytes, Any] = {}
    for attribute in attributes:
        name = attribute.key.encode()
        names.append(name)
        first.setdefault(name, attribute.value)
    for name in sorted(names):
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
