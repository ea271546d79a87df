"""An OTLP/gRPC client that sends bytes as they are. Called by the tests with a Collector."""

from __future__ import annotations

from typing import Any

import grpc

from kafka_otlp_exporter.signals import SIGNALS, Signal


def send(otlp: str, signal: Signal, payload: bytes, timeout: float = 30) -> None:
    """Send one serialised request to ``host:port``; it must be taken as a whole. Raises grpc.RpcError."""
    with grpc.insecure_channel(otlp) as channel:
        call: Any = channel.unary_unary(SIGNALS[signal].method)
        answer: Any = SIGNALS[signal].response.FromString(call(payload, timeout=timeout))
    # A Collector sets it, and leaves it empty.
    assert answer.partial_success.ByteSize() == 0, answer.partial_success
