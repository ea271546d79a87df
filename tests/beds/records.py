"""Reads the records of a topic back."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from tests.beds.process import BedError

# Otherwise librdkafka writes to stderr about every connection that a stopped broker has closed.
SILENT = logging.getLogger("tests.librdkafka")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


def read(client: Mapping[str, str], topic: str, count: int | None, seconds: float) -> list[Message]:
    """The records of a topic from its beginning, in order within each partition.

    Without ``count``, it reads up to the topic's end at the time of the call. Raises BedError when there are fewer
    records after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    configuration = {"group.id": f"read-{uuid.uuid4()}", "enable.auto.commit": False, **client}
    consumer = Consumer(configuration, logger=SILENT)
    try:
        partitions = _partitions(consumer, topic, seconds)
        wanted = _held(consumer, partitions, seconds) if count is None else count
        consumer.assign(partitions)
        messages: list[Message] = []
        while len(messages) < wanted:
            if time.monotonic() > deadline:
                raise BedError(f"topic {topic} has {len(messages)} of {wanted} records after {seconds:.0f} s")
            batch = consumer.consume(num_messages=1000, timeout=0.1)
            messages += [message for message in batch if message.error() is None]
        return messages
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topic: str, seconds: float) -> list[TopicPartition]:
    found = consumer.list_topics(topic, timeout=seconds).topics[topic].partitions
    return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in found]


def _held(consumer: Consumer, partitions: list[TopicPartition], seconds: float) -> int:
    deadline = time.monotonic() + seconds
    while True:
        try:
            watermarks = [consumer.get_watermark_offsets(partition, timeout=seconds) for partition in partitions]
        except KafkaException as error:
            # A broker may not know yet that it leads the partitions of a new topic.
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return sum(high - low for low, high in watermarks)
