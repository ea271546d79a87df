"""What a client is told, in its own encoding: responses of Export calls, codes and google.rpc.Status of failed calls. Pure.

Sources: the OTLP specification ("OTLP/HTTP Response", "Failures"), google/rpc/status.proto,
google/rpc/error_details.proto, and the JSON mapping of proto3 for Any and Duration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp.signals import SignalRow
from kafka_otlp_exporter.outcomes import Delivered, Invalid, TooLarge, Unauthenticated, Unavailable

_TYPE = "type.googleapis.com/google.rpc."


class Codes(NamedTuple):
    """The codes of a failed request. ``grpc`` is one of google.rpc.Code, which are gRPC's status codes; ``http`` a status."""

    grpc: int
    http: int


def codes(outcome: Invalid | Unavailable) -> Codes:
    """The codes of a failed request (OTLP specification, "Failures" and "OTLP/HTTP Response")."""
    match outcome:
        case Unavailable():
            return Codes(code_pb2.UNAVAILABLE, 503)
        case TooLarge():
            return Codes(code_pb2.RESOURCE_EXHAUSTED, 413)
        case Unauthenticated():
            return Codes(code_pb2.UNAUTHENTICATED, 401)
        case Invalid():
            return Codes(code_pb2.INVALID_ARGUMENT, 400)


def response(row: SignalRow, outcome: Delivered, encoding: Format) -> bytes:
    """The Export response of the signal ``row``, serialised in ``encoding``.

    It is empty on full success. Otherwise its ``partial_success`` says how many items were rejected, and why.
    """
    rejected = outcome.rejected
    if encoding is Format.PROTOBUF:
        return b"" if rejected is None else row.partial_success(rejected.items, rejected.message)
    if rejected is None:
        return b"{}"
    # A 64-bit integer is a string in OTLP/JSON.
    success = {_camel(row.rejected_field): str(rejected.items), "errorMessage": rejected.message}
    return _text({"partialSuccess": success})


def status(outcome: Invalid | Unavailable, encoding: Format) -> bytes:
    """The google.rpc.Status of a failed request, serialised in ``encoding``.

    It has RetryInfo when the client is to send again, and BadRequest when the payload is at fault. RESOURCE_EXHAUSTED has
    no RetryInfo, or the client would send the request again (OTLP specification, "OTLP/gRPC Throttling").
    """
    code = codes(outcome).grpc
    retry_after = outcome.retry_after if isinstance(outcome, Unavailable) else None
    bad_request = code == code_pb2.INVALID_ARGUMENT
    return _status(code, outcome.message, encoding, retry_after=retry_after, bad_request=bad_request)


def retry_info(outcome: Invalid | Unavailable) -> bytes | None:
    """The serialised google.rpc.RetryInfo of a request that is to be sent again; None for any other."""
    return _retry_info(outcome.retry_after).SerializeToString() if isinstance(outcome, Unavailable) else None


def _retry_info(seconds: float) -> error_details_pb2.RetryInfo:
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(round(seconds * 1000))
    return error_details_pb2.RetryInfo(retry_delay=delay)


def refusal(code: int, message: str, encoding: Format) -> bytes:
    """The google.rpc.Status of a request whose body was not read; ``code`` is one of google.rpc.Code."""
    return _status(code, message, encoding)


def _status(
    code: int, message: str, encoding: Format, *, retry_after: float | None = None, bad_request: bool = False
) -> bytes:
    if encoding is Format.JSON:
        details: list[Mapping[str, Any]] = []
        if retry_after is not None:
            details.append({"@type": _TYPE + "RetryInfo", "retryDelay": f"{round(retry_after, 3):g}s"})
        if bad_request:
            details.append({"@type": _TYPE + "BadRequest", "fieldViolations": [{"description": message}]})
        return _text({"code": code, "message": message, "details": details})
    messages: list[Message] = []
    if retry_after is not None:
        messages.append(_retry_info(retry_after))
    if bad_request:
        violation = error_details_pb2.BadRequest.FieldViolation(description=message)
        messages.append(error_details_pb2.BadRequest(field_violations=[violation]))
    return bytes(status_pb2.Status(code=code, message=message, details=_packed(messages)).SerializeToString())


def _packed(messages: Sequence[Message]) -> list[any_pb2.Any]:
    packed = []
    for message in messages:
        packed.append(any_pb2.Any())
        packed[-1].Pack(message)
    return packed


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _text(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
