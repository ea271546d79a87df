"""Reads records back from Kafka, from where the topics ended before anything was sent. Called by the demo."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition
from google.protobuf.message import DecodeError

from tools.demo import items, telemetry
from tools.demo.items import Item

_ANSWER_SECONDS = 6

_silent = logging.getLogger("tools.demo.librdkafka")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


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
    """A consumer of the topics of the three signals. ``close`` it."""

    def __init__(self, client: Mapping[str, str], topics: Mapping[str, str]) -> None:
        """Note where each topic ends now. ``topics`` is signal to topic. Raises KafkaException."""
        self._signals = {topic: signal for signal, topic in topics.items()}
        self._consumer = Consumer(
            {"group.id": "kafka-otlp-demo", "enable.auto.commit": False, **client}, logger=_silent
        )
        self._ends = self._now()

    def read(self, run: str, wanted: Iterable[Item], seconds: float) -> list[Record]:
        """The records of a run, until all that is ``wanted`` was in them, or until the time is over."""
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
        """Leave Kafka."""
        self._consumer.close()

    def _now(self) -> dict[tuple[str, int], int]:
        known = self._consumer.list_topics(timeout=_ANSWER_SECONDS).topics
        places = [(topic, number) for topic in self._signals if topic in known for number in known[topic].partitions]
        return {
            place: self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=_ANSWER_SECONDS)[1]
            for place in places
        }

    def _starts(self) -> dict[tuple[str, int], int]:
        # A topic that was not there before has been made for this run, and is read whole.
        return {place: self._ends.get(place, 0) for place in self._now()}

    def _record(self, message: Message, run: str) -> Record | None:
        topic, value = message.topic() or "", message.value() or b""
        try:
            held = items.read_items(self._signals[topic], value)
        except DecodeError:
            return None  # somebody else's, of another kind
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
