"""The seam between the receivers and the rest of the exporter: what a Request is, and the three calls of a Receiver.

A receiver takes bytes from clients and answers them. It must never know of Kafka, and nothing behind this seam may know
which receiver it serves. A second engine, written in another language, implements the same three calls.

One request passes the seam like this:

1. ``take`` hands it over, with its bytes charged to the byte budget. From then on the budget is the taker's to give back.
2. The taker makes records, produces them and waits for Kafka. It keeps the id, and drops the payload early.
3. ``complete`` answers it, once. ``end`` answers all that were never completed, when the process stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Request:
    """An OTLP Export request as it came; the payload is not checked yet.

    ``id`` is unique in the process. ``encoding`` is that of the payload, after decompression. ``arrival`` is when its
    last byte was read, in seconds of the monotonic clock. ``charge`` is what it holds of the byte budget, in bytes.
    """

    id: int
    signal: Signal
    payload: bytes
    arrival: float
    charge: int
    encoding: Format = Format.PROTOBUF


class Answer(NamedTuple):
    """What became of the request ``id``. The outcome is for the client, the other two are for the metrics.

    ``items`` is how many items were handed to Kafka (spans, metrics, log records). ``seconds`` is the time from the
    request's arrival to this answer, and None when nothing was handed to Kafka.
    """

    id: int
    outcome: Outcome
    items: int = 0
    seconds: float | None = None


class Receiver(Protocol):
    """Takes requests from clients and answers them. The three calls may come from different threads."""

    def take(self, max_requests: int, timeout: float) -> list[Request]:
        """Return the requests that have arrived, oldest first, at most ``max_requests``.

        Waits up to ``timeout`` seconds for the first, and returns an empty list when none arrives. No request is
        returned twice.
        """

    def complete(self, answers: Sequence[Answer]) -> None:
        """Answer requests that were taken, in one batch, and count each in the metrics. Does not wait for the clients.

        An answer is counted also when its client has gone. An unknown id is ignored.
        """

    def end(self, outcome: Outcome) -> None:
        """Answer every request that still waits, and every one that still arrives, with ``outcome``.

        After this call ``take`` is not called any more.
        """
