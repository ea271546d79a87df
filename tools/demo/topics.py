"""Reads records back from Kafka, beginning at the ends that the topics had before anything was sent."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from google.protobuf.message import DecodeError

from kafka_otlp_exporter.kafka.faults import Fault, Identity, of_connection
from kafka_otlp_exporter.outcomes import Reason
from tools.demo import items, telemetry
from tools.demo.items import Item

_ANSWER_SECONDS = 6

_silent = logging.getLogger("tools.demo.librdkafka")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Unreachable(Exception):
    """Kafka did not answer; the message is a sentence that says what to check."""


@dataclass(frozen=True)
class Record:
    """One record that holds items of this run."""

    topic: str
    partition: int
    offset: int
    size: int
    headers: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]


class Topics:
    """A consumer of the topics of the three signals; ``close`` ends it.

    ``existed`` are those of the topics that Kafka had before.
    """

    def __init__(self, client: Mapping[str, str], topics: Mapping[str, str]) -> None:
        """Note where each topic ends now; ``topics`` maps signals to topics. Raises Unreachable."""
        self._signals = {topic: signal for signal, topic in topics.items()}
        self._errors: list[KafkaError] = []
        own = {"group.id": "kafka-otlp-demo", "enable.auto.commit": False, "error_cb": self._errors.append}
        self._consumer = Consumer({**own, **client}, logger=_silent)
        try:
            self._ends = self._now()
        except KafkaException as error:
            raise Unreachable(self._why(error, client["bootstrap.servers"])) from None
        self.existed = {topic for topic, _ in self._ends}

    def read(self, run: str, wanted: Iterable[Item], seconds: float) -> list[Record]:
        """The records of a run: until they hold all items in ``wanted``, or until the time is over."""
        deadline = time.monotonic() + seconds
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._starts().items()])
        missing, records = Counter(wanted), []
        while missing and time.monotonic() < deadline:
            for message in self._consumer.consume(num_messages=500, timeout=0.2):
                if message.error() is None and (record := self._record(message, run)) is not None:
                    records.append(record)
                    missing -= Counter(record.items)
        return sorted(records, key=lambda record: (items.SIGNALS.index(self._signals[record.topic]), record.offset))

    def close(self) -> None:
        """Close the connections to Kafka."""
        self._consumer.close()

    def _why(self, error: KafkaException, brokers: str) -> str:
        """The exporter's own sentence for what librdkafka reported first: the cause, before what follows from it."""
        self._consumer.poll(0)  # librdkafka calls error_cb from here
        first = self._errors[0] if self._errors else error.args[0]
        reason, sentence = of_connection(Fault(first.name(), first.str()), Identity(brokers))
        return f"{sentence} The demo uses neither TLS nor SASL." if reason is Reason.KAFKA_UNREACHABLE else sentence

    def _now(self) -> dict[tuple[str, int], int]:
        known = self._consumer.list_topics(timeout=_ANSWER_SECONDS).topics
        places = [(topic, number) for topic in self._signals if topic in known for number in known[topic].partitions]
        return {
            place: self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=_ANSWER_SECONDS)[1]
            for place in places
        }

    def _starts(self) -> dict[tuple[str, int], int]:
        # A topic that did not exist before was created for this run, and is read from its beginning.
        return {place: self._ends.get(place, 0) for place in self._now()}

    def _record(self, message: Message, run: str) -> Record | None:
        topic, value = message.topic() or "", message.value() or b""
        try:
            held = items.read_items(self._signals[topic], value)
        except DecodeError:
            return None  # another producer's record, which is no OTLP
        found = tuple(item for item in held if _run_of(item) == run)
        if not found:
            return None
        headers = tuple((name, _text(text)) for name, text in _pairs(message.headers()))
        return Record(topic, message.partition() or 0, message.offset() or 0, len(value), headers, found)


def _pairs(headers: Any) -> list[tuple[str, str | bytes | None]]:
    return list(headers or [])


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _run_of(item: Item) -> object:
    resource = dict(item.facts)["resource"]
    return dict(resource).get(telemetry.RUN) if isinstance(resource, tuple) else None
