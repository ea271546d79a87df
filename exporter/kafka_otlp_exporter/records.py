"""From the bytes of a request to Kafka records. Pure.

Called by ``pipeline``. An unsplit request is one record whose value is the request's own bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kafka_otlp_exporter import wire
from kafka_otlp_exporter.options import Options
from kafka_otlp_exporter.outcomes import Rejection
from kafka_otlp_exporter.signals import SIGNALS, Signal

# As confluent_kafka wants them: a list whose values may be null.
Headers = list[tuple[str, str | bytes | None]]

# librdkafka's bound for one record in message format 2 (rdkafka_proto.h, RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD): seven
# varints at their longest.
RECORD_OVERHEAD = 36

CONTENT_TYPE = b"application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record; a ``key`` of None is a null key, which random partitioners spread."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one request, and what of it fits into none."""

    records: tuple[Record, ...]
    rejected: Rejection | None = None


@dataclass(frozen=True)
class Layout:
    """Where records go and how large they may be: ``max_record_bytes`` is librdkafka's ``message.max.bytes``."""

    topics: Mapping[Signal, str]
    headers: Mapping[Signal, Headers]
    max_record_bytes: int

    @staticmethod
    def of(options: Options, max_record_bytes: int) -> Layout:
        """The layout that the options ask for."""
        return Layout(
            topics={signal: str(getattr(options, row.topic_option)) for signal, row in SIGNALS.items()},
            headers={
                signal: [("content-type", CONTENT_TYPE), ("otlp.signal", signal.value.encode())] for signal in SIGNALS
            },
            max_record_bytes=max_record_bytes,
        )


def records(signal: Signal, payload: bytes, layout: Layout) -> Batch:
    """The records that ``payload``, a serialised Export request of ``signal``, becomes.

    An empty request becomes none. Raises wire.Malformed when the payload is not what it claims to be.
    """
    row = SIGNALS[signal]
    wire.validate(payload, row.request)
    if not payload:
        return Batch(())
    record = Record(layout.topics[signal], None, payload, layout.headers[signal])
    size = record_bytes(record)
    if size <= layout.max_record_bytes:
        return Batch((record,))
    items = wire.count_items(payload, row.item_path)
    return Batch(
        (),
        Rejection(
            items,
            f"The record of this request would have {size} bytes and the limit (maxMessageBytes) is "
            f"{layout.max_record_bytes}: all {items} {row.items} are rejected. Send smaller batches or raise the limit.",
        ),
    )


def record_bytes(record: Record) -> int:
    """The most bytes that a record takes in a batch before compression, as librdkafka counts them."""
    headers = sum(_with_length(name) + _with_length(value or b"") for name, value in record.headers)
    return RECORD_OVERHEAD + len(record.key or b"") + len(record.value) + headers


def _with_length(text: str | bytes) -> int:
    length = len(text.encode() if isinstance(text, str) else text)
    # The length is a zigzag varint: one byte up to 63.
    return max(1, ((length * 2).bit_length() + 6) // 7) + length
