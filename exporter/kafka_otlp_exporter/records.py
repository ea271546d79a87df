"""From the bytes of a request to Kafka records. Pure.

Called by ``pipeline``. A request that fits is one record whose value is the request's own bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kafka_otlp_exporter import wire
from kafka_otlp_exporter.groups import groups
from kafka_otlp_exporter.keys import Keying, by_resource, by_trace
from kafka_otlp_exporter.options import Options
from kafka_otlp_exporter.outcomes import Rejection
from kafka_otlp_exporter.signals import SIGNALS, Resource, Signal, SignalRow
from kafka_otlp_exporter.split import MOST_GROWTH, Oversized, split

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
    """Where records go and how large they may be: ``max_record_bytes`` is librdkafka's ``message.max.bytes``.

    ``keyings`` has the signals whose records have a key.
    """

    topics: Mapping[Signal, str]
    headers: Mapping[Signal, Headers]
    keyings: Mapping[Signal, Keying]
    max_record_bytes: int

    @staticmethod
    def of(options: Options, max_record_bytes: int) -> Layout:
        """The layout that the options ask for."""
        return Layout(
            topics={signal: str(getattr(options, row.topic_option)) for signal, row in SIGNALS.items()},
            headers={
                signal: [("content-type", CONTENT_TYPE), ("otlp.signal", signal.value.encode())] for signal in SIGNALS
            },
            keyings={signal: keying for signal, row in SIGNALS.items() if (keying := _keying(options, row))},
            max_record_bytes=max_record_bytes,
        )


def _keying(options: Options, row: SignalRow) -> Keying | None:
    """A signal's own option goes before ``partition_key_attributes``."""
    if row.trace_option is not None and row.trace_id is not None and getattr(options, row.trace_option):
        return by_trace(row.trace_id)
    if getattr(options, row.resource_option):
        return by_resource()
    return by_resource(options.partition_key_attributes) if options.partition_key_attributes else None


def records(signal: Signal, payload: bytes, layout: Layout) -> Batch:
    """The records that ``payload``, a serialised Export request of ``signal``, becomes.

    One, of the request's own bytes, where it fits and has one key; else as few as hold every item that fits into one.
    An empty request becomes none. Raises wire.Malformed when the payload is not what it claims to be.
    """
    row = SIGNALS[signal]
    wire.validate(payload, row.request)
    if not payload:
        return Batch(())
    made: list[Record] = []
    oversized: list[Oversized] = []
    surplus = 0
    for key, request in _requests(payload, row, layout.keyings.get(signal)):
        whole = Record(layout.topics[signal], key, request, layout.headers[signal])
        size = record_bytes(whole)
        if size <= layout.max_record_bytes:
            made.append(whole)
            continue
        beside = size - len(request)
        parts = split(request, row.item_path, layout.max_record_bytes - beside)
        made.extend(Record(whole.topic, key, part, whole.headers) for part in parts.requests)
        oversized.extend(replace(one, size=one.size + beside) for one in parts.oversized)
        surplus += parts.surplus
    return Batch(tuple(made), _rejection(oversized, surplus, row, layout))


def _requests(payload: bytes, row: SignalRow, keying: Keying | None) -> Iterator[tuple[bytes | None, bytes]]:
    if keying is None:
        yield None, payload
        return
    found, _ = groups(payload, row.item_path, keying.depth, keying.key_of, 100_000)
    for group in found:
        yield group.key, group.request()


def _rejection(oversized: Sequence[Oversized], surplus: int, row: SignalRow, layout: Layout) -> Rejection | None:
    sentences = []
    items = sum(one.items for one in oversized)
    if oversized:
        largest = max(oversized, key=lambda one: one.size)
        sentences.append(
            f"Of the {row.items} {items} {'are' if items > 1 else 'is'} too large for a record: alone, the largest"
            f"{_service(largest.resource)} would make one of {largest.size} bytes, and the limit (maxMessageBytes) is "
            f"{layout.max_record_bytes}."
        )
    if surplus:
        sentences.append(
            f"{surplus} {row.items} stand in resources so large that the records that repeat them would have more than "
            f"{MOST_GROWTH} times the bytes of the request: raise the limit (maxMessageBytes), or send smaller resources."
        )
    if not sentences:
        return None
    return Rejection(items + surplus, " ".join([*sentences, "Everything else of the request is delivered."]))


def _service(resource: bytes) -> str:
    names = (one.value.string_value for one in Resource.FromString(resource).attributes if one.key == "service.name")
    name = next(names, None)
    return "" if name is None else f" of service {json.dumps(name[:128])}"


def record_bytes(record: Record) -> int:
    """The most bytes that a record takes in a batch before compression, as librdkafka counts them."""
    headers = sum(_with_length(name) + _with_length(value or b"") for name, value in record.headers)
    return RECORD_OVERHEAD + len(record.key or b"") + len(record.value) + headers


def _with_length(text: str | bytes) -> int:
    length = len(text.encode() if isinstance(text, str) else text)
    # The length is a zigzag varint: one byte up to 63.
    return max(1, ((length * 2).bit_length() + 6) // 7) + length
