"""An OTLP/gRPC client that sends bytes as they are. Called by the tests with a Collector."""

from __future__ import annotations

from typing import Any, Self

import grpc

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal


class Client:
    """A channel to ``host:port``; a context manager that closes it."""

    def __init__(self, otlp: str) -> None:
        """Connect at the first call."""
        self._channel = grpc.insecure_channel(otlp)

    def __enter__(self) -> Self:
        """Open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closed."""
        self._channel.close()

    def send(self, signal: Signal, payload: bytes, timeout: float = 60) -> None:
        """Send one serialised request, which must be taken as a whole. Raises grpc.RpcError."""
        call: Any = self._channel.unary_unary(SIGNALS[signal].method)
        answer: Any = SIGNALS[signal].response.FromString(call(payload, timeout=timeout))
        # A Collector sets it, and leaves it empty.
        assert answer.partial_success.ByteSize() == 0, answer.partial_success
