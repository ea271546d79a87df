"""A gRPC client that sends and receives bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from conformance.table import Finding

SECONDS = 30.0
# Codes after which clients retry (OTLP specification, "Failures").
RETRYABLE = frozenset({"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"})
NAMES = {code.value[0]: code.name for code in grpc.StatusCode}
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a call: the name of its status code, the status message, and the response if there is one."""

    code: str
    details: str
    message: bytes
    status: bytes

    @property
    def ok(self) -> bool:
        """Whether the server accepted the call."""
        return self.code == "OK"

    @property
    def retry_delay(self) -> float | None:
        """The seconds in its RetryInfo, None without one. Raises Finding when the details cannot be read."""
        info = error_details_pb2.RetryInfo()
        try:
            for detail in status_pb2.Status.FromString(self.status).details:
                if detail.Unpack(info):
                    return float(info.retry_delay.ToTimedelta().total_seconds())
        except DecodeError:
            raise Finding("grpc-status-details-bin holds no google.rpc.Status") from None
        return None

    def __str__(self) -> str:
        """The code, and the first words of the status message."""
        return f"{self.code}: {shortened(self.details)}" if self.details else self.code


def shortened(text: str, length: int = 100) -> str:
    """The text on one line, shortened."""
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"


@contextmanager
def channel(endpoint: str) -> Iterator[Any]:
    """A new connection. Its type is Any, because the stubs of grpc know no call without a serializer."""
    opened: Any = grpc.insecure_channel(endpoint, [*_OPTIONS])
    with opened:
        yield opened


def call(endpoint: str, method: str, payload: bytes, *, compressed: bool = False, seconds: float = SECONDS) -> Reply:
    """One call on its own connection."""
    with channel(endpoint) as opened:
        return call_on(opened, method, payload, compressed=compressed, seconds=seconds)


def call_on(opened: Any, method: str, payload: bytes, *, compressed: bool = False, seconds: float = SECONDS) -> Reply:
    """One call; with ``compressed``, gRPC compresses the message with gzip."""
    compression = grpc.Compression.Gzip if compressed else None
    return reply(opened.unary_unary(method).future(payload, timeout=seconds, compression=compression))


def reply(future: Any) -> Reply:
    """Wait for the end of a call."""
    try:
        message = future.result()
    except (grpc.RpcError, grpc.FutureCancelledError):
        message = b""
    trailers = {name: value for name, value in future.trailing_metadata() or () if name == "grpc-status-details-bin"}
    return Reply(future.code().name, future.details() or "", message, trailers.get("grpc-status-details-bin", b""))
