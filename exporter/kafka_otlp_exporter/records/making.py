"""From the bytes of a request to Kafka records. Pure.

``records`` is the only way into the rooms ``records`` and ``otlp`` for a request, in both encodings. A protobuf request that
fits and has one key becomes one record whose value is the request's own bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.properties import QUEUE_RECORDS
from kafka_otlp_exporter.config.settings import MEBIBYTE
from kafka_otlp_exporter.config.sizing import RECORD_OVERHEAD_BYTES
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp.check import check
from kafka_otlp_exporter.otlp.checked import Checked
from kafka_otlp_exporter.otlp.json_check import check_json
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.json_text import MOST_VALUES
from kafka_otlp_exporter.otlp.signals import CONTENT_TYPES, SIGNALS, Resource, Signal, SignalRow
from kafka_otlp_exporter.outcomes import Rejection
from kafka_otlp_exporter.records.groups import Group, groups
from kafka_otlp_exporter.records.keys import LARGEST_RESOURCE, Keying, by_resource, by_trace
from kafka_otlp_exporter.records.packing import Allowance, Oversized
from kafka_otlp_exporter.records.split import split

# In the form that confluent_kafka takes: a list whose values may be null.
Headers = list[tuple[str, str | bytes | None]]

# librdkafka's limit for what message format 2 adds to one record (rdkafka_proto.h, RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD):
# seven varints of the largest size.
FRAMING_BYTES = 36

# Half of the message budget of the default --max-in-flight-bytes.
MOST_BYTES = 96 * MEBIBYTE
MOST_RECORDS = QUEUE_RECORDS


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record. A ``key`` of None is a null key; the random partitioners spread such records."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one request, the items that are in none of them, and how many items it has.

    ``items`` counts metrics, not their data points. ``repaired`` and ``repaired_at`` are those of ``Checked``.
    """

    records: tuple[Record, ...]
    rejected: Rejection | None = None
    items: int = 0
    repaired: int = 0
    repaired_at: str = ""

    @property
    def memory(self) -> int:
        """The bytes that the records need until Kafka has taken them: keys, values, RECORD_OVERHEAD_BYTES for each."""
        return sum(len(one.value) + len(one.key or b"") + RECORD_OVERHEAD_BYTES for one in self.records)


@dataclass(frozen=True)
class Layout:
    """Where records go, how they are keyed and encoded, and how large requests and records may be.

    ``keyings`` has the signals whose records have a key. ``beside`` is how many bytes a record has beside its key and
    value. ``max_record_bytes`` is librdkafka's ``message.max.bytes``. ``most_bytes`` and ``most_records`` limit all
    records of one request together. ``most_values`` limits the values of a JSON request (see ``json_decode.decode``).
    """

    topics: Mapping[Signal, str]
    headers: Mapping[Signal, Headers]
    beside: Mapping[Signal, int]
    keyings: Mapping[Signal, Keying]
    format: Format
    max_record_bytes: int
    most_bytes: int
    most_records: int
    most_values: int

    @staticmethod
    def of(
        options: Options,
        max_record_bytes: int,
        most_bytes: int = MOST_BYTES,
        most_records: int = MOST_RECORDS,
        most_values: int = MOST_VALUES,
    ) -> Layout:
        """The layout that the options ask for, with the limits of this process (see the fields of Layout)."""
        content_type = CONTENT_TYPES[options.format].encode()
        headers: dict[Signal, Headers] = {
            signal: [("content-type", content_type), ("otlp.signal", signal.value.encode())] for signal in SIGNALS
        }
        return Layout(
            topics={signal: str(getattr(options, row.topic_option)) for signal, row in SIGNALS.items()},
            headers=headers,
            beside={signal: record_bytes(Record("", None, b"", headers[signal])) for signal in SIGNALS},
            keyings={signal: keying for signal, row in SIGNALS.items() if (keying := _keying(options, row))},
            format=options.format,
            max_record_bytes=max_record_bytes,
            most_bytes=most_bytes,
            most_records=most_records,
            most_values=most_values,
        )


def _keying(options: Options, row: SignalRow) -> Keying | None:
    """How a signal is keyed, None without a key; the signal's own option wins over ``partition_key_attributes``."""
    if row.trace_option is not None and row.trace_id is not None and getattr(options, row.trace_option):
        return by_trace(row.trace_id)
    if getattr(options, row.resource_option):
        return by_resource()
    return by_resource(options.partition_key_attributes) if options.partition_key_attributes else None


def records(signal: Signal, payload: bytes, layout: Layout, encoding: Format = Format.PROTOBUF) -> Batch:
    """The records that ``payload``, an Export request of ``signal`` in ``encoding``, becomes.

    It is one record when it fits and has one key. Otherwise each key gets as few records as can hold every item that
    fits into one, until the records have ``layout.most_bytes`` together. A request without content becomes no record.
    Raises wire.Malformed when the payload is no request of that signal.
    """
    row = SIGNALS[signal]
    checked = check_json(payload, signal, layout.most_values) if encoding is Format.JSON else check(payload, signal)
    making = _Making(signal, layout, checked)
    payload = checked.payload
    if not payload or (checked.rejected and not checked.items):
        return making.batch()
    keying = layout.keyings.get(signal)
    if keying is None:
        making.add(None, payload)
        return making.batch()
    # More groups than this could not get a record each.
    most = min(layout.most_records, layout.most_bytes // RECORD_OVERHEAD_BYTES)
    found, making.surplus = groups(payload, row.item_path, keying.depth, keying.key_of, most)
    for group in found:
        making.add_group(group)
    return making.batch()


class _Making:
    """The records of one request while they are made."""

    def __init__(self, signal: Signal, layout: Layout, checked: Checked) -> None:
        self.surplus = 0
        self._checked = checked
        self._row = SIGNALS[signal]
        self._layout = layout
        self._topic = layout.topics[signal]
        self._headers = layout.headers[signal]
        self._allowance = Allowance(layout.most_bytes, layout.most_records)
        self._used_up = False
        self._beside = layout.beside[signal]
        self._made: list[Record] = []
        self._oversized: list[Oversized] = []

    def add_group(self, group: Group) -> None:
        """Make a group's records, unless the allowance is used up."""
        if self._used_up or self._allowance.largest(len(group.key or b"")) <= 0:
            self.surplus += group.items
            return
        request = group.request()
        before = self._allowance.bytes
        self.add(group.key, request)
        # To put a group together is work, also when nothing of it fits into a record: count it.
        wasted = len(request) - (before - self._allowance.bytes)
        self._allowance.bytes -= max(0, wasted)

    def add(self, key: bytes | None, request: bytes) -> None:
        """Make the records of one key."""
        key_bytes = len(key or b"")
        beside = self._beside + key_bytes
        limit = self._layout.max_record_bytes - beside
        whole = self._whole(request, min(limit, self._allowance.largest(key_bytes)))
        if whole is not None:
            self._allowance.spend(len(whole), key_bytes)
            self._made.append(Record(self._topic, key, whole, self._headers))
            return
        parts = split(request, self._row, self._layout.format, limit, self._allowance, key_bytes)
        self._made.extend(Record(self._topic, key, part, self._headers) for part in parts.requests)
        self.surplus += parts.surplus
        self._used_up = parts.surplus > 0
        if parts.oversized is not None:
            one = parts.oversized
            self._oversized.append(Oversized(one.items, one.size + beside, one.resource))

    def _whole(self, request: bytes, limit: int) -> bytes | None:
        """The value of the one record that a request becomes; None when it is larger than the limit, or probably is."""
        if self._layout.format is Format.JSON:
            # JSON has two or three times the bytes.
            text = encode(request, self._row.request) if len(request) <= limit // 2 else b""
            return text if 0 < len(text) <= limit else None
        return request if len(request) <= limit else None

    def batch(self) -> Batch:
        """All records that were made, and what was rejected."""
        rejection = _rejection(self._checked, self._oversized, self.surplus, self._row, self._layout)
        # Of metrics, data points are rejected, but metrics are counted here.
        items = self._checked.items + (0 if self._row.trace_id is None else self._checked.rejected)
        return Batch(tuple(self._made), rejection, items, self._checked.repaired, self._checked.repaired_at)


def _rejection(
    checked: Checked, oversized: list[Oversized], surplus: int, row: SignalRow, layout: Layout
) -> Rejection | None:
    sentences = []
    if checked.rejected:
        are = "are" if checked.rejected > 1 else "is"
        sentences.append(f"{checked.rejected} of the {row.items} {are} rejected: {checked.flaw}.")
    items = sum(one.items for one in oversized)
    if oversized:
        largest = max(oversized, key=lambda one: one.size)
        sentences.append(
            f"{items} of the {row.items} {'are' if items > 1 else 'is'} too large for a record: on its own, the largest"
            f"{_service(largest.resource)} would make a record of {largest.size} bytes, and the limit (maxMessageBytes) is "
            f"{layout.max_record_bytes}."
        )
    if surplus:
        sentences.append(
            f"{surplus} {row.items} are left out, because each record repeats the resources of its items: all records of one "
            f"request may need {layout.most_bytes} bytes of memory together and be at most {layout.most_records}. Send smaller "
            "requests or smaller resources, or raise --max-in-flight-bytes."
        )
    if not sentences:
        return None
    message = " ".join([*sentences, "Everything else of the request is delivered."])
    return Rejection(checked.rejected + items + surplus, message, surplus, checked.rejected)


def _service(resource: bytes) -> str:
    if len(resource) > LARGEST_RESOURCE:
        return ""
    names = (one.value.string_value for one in Resource.FromString(resource).attributes if one.key == "service.name")
    name = next(names, None)
    return "" if name is None else f" of service {json.dumps(name[:128])}"


def record_bytes(record: Record) -> int:
    """The most bytes that a record takes in a batch before compression, as librdkafka counts them."""
    headers = sum(_with_length(name) + _with_length(value or b"") for name, value in record.headers)
    return FRAMING_BYTES + len(record.key or b"") + len(record.value) + headers


def _with_length(text: str | bytes) -> int:
    length = len(text.encode() if isinstance(text, str) else text)
    # The length is a zigzag varint: one byte up to 63.
    return max(1, ((length * 2).bit_length() + 6) // 7) + length
