"""OTLP/JSON to protobuf, by the OTLP specification. Pure; called by ``pipeline``."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.message import Message

from kafka_otlp_exporter import wire

_HEX = frozenset({"traceId", "spanId", "parentSpanId"})


def decode(text: bytes, message: type[Message]) -> bytes:
    """The bytes of ``message`` that the JSON says. Raises wire.Malformed."""
    try:
        return json_format.ParseDict(
            _ids(orjson.loads(text)), message(), ignore_unknown_fields=True
        ).SerializeToString()
    except (ValueError, TypeError, AttributeError, json_format.ParseError) as error:
        raise wire.Malformed(f"the payload is no JSON of {message.DESCRIPTOR.name}") from error


def _ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(inner)).decode() if key in _HEX else _ids(inner)
            for key, inner in value.items()
        }
    return [_ids(inner) for inner in value] if isinstance(value, list) else value
