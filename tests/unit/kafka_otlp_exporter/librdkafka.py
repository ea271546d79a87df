"""C functions of librdkafka that confluent_kafka does not offer, for tests: its properties, mock cluster and faults."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from confluent_kafka import Producer

PRODUCE = 0  # rd_kafka_mock.h counts requests by Kafka's ApiKey


@dataclass(frozen=True)
class Property:
    """A line of librdkafka's table of properties; ``alias_of`` is the canonical name of an alias."""

    name: str
    scope: str
    default: str
    alias_of: str | None
    type: str

    @property
    def of_producers(self) -> bool:
        """Whether a producer knows it."""
        return self.scope in {"*", "P"}


@cache
def library() -> ctypes.CDLL:
    """The library that confluent_kafka has loaded."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    return ctypes.CDLL(next(line.split(maxsplit=5)[5] for line in maps if "librdkafka" in line))


@cache
def properties() -> tuple[Property, ...]:
    """What rd_kafka_conf_properties_show() writes: global properties, then those of topics."""
    c = ctypes.CDLL(None)
    c.fopen.restype = ctypes.c_void_p
    with tempfile.NamedTemporaryFile("r") as file:
        stream = ctypes.c_void_p(c.fopen(file.name.encode(), b"w"))
        library().rd_kafka_conf_properties_show(stream)
        c.fclose(stream)
        rows = [[cell.strip() for cell in line.split(" | ")] for line in file.read().splitlines()]
    return tuple(
        Property(
            row[0],
            row[1],
            row[3],
            row[-1].partition("Alias for `")[2].partition("`")[0] or None,
            row[-1].partition("*Type: ")[2].strip("*"),
        )
        for row in rows
        if len(row) >= 6 and row[1] in {"*", "P", "C"}
    )


def handle(client: Producer) -> ctypes.c_void_p:
    """The rd_kafka_t of a client: what its object holds first."""
    return ctypes.c_void_p.from_address(id(client) + object.__basicsize__)


def fail_fatally(client: Producer) -> None:
    """Make a client fail fatally, by librdkafka's own function for tests."""
    # 45 is OUT_OF_ORDER_SEQUENCE_NUMBER.
    library().rd_kafka_test_fatal_error(handle(client), 45, b"by a test")


class Cluster:
    """A mock cluster inside this process, which answers with errors, late, or not at all on demand."""

    def __init__(self, brokers: int = 1) -> None:
        """Start it. The brokers have the ids 1, 2 and so on."""
        self._owner = Producer({"log_level": 0})
        self._library = library()
        self._library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
        self._library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(handle(self._owner), brokers))
        self.bootstrap = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def answer_produce_with(self, *errors: int) -> None:
        """Answer the next Produce requests with these error codes of Kafka's protocol."""
        array = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(PRODUCE), ctypes.c_size_t(len(errors)), array
        )

    def set_topic_error(self, topic: str, error: int) -> None:
        """Say in metadata that a topic has an error; 0 takes it away."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), error)

    def create_topic(self, topic: str, leader: int) -> None:
        """Make a topic of one partition, led by the broker of this id."""
        self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), 1, 1)
        self.set_leader(topic, leader)

    def set_leader(self, topic: str, broker: int) -> None:
        """Have another broker lead the topic's partition. Clients learn it when they ask."""
        self._library.rd_kafka_mock_partition_set_leader(self._cluster, topic.encode(), 0, broker)

    def freeze(self, broker: int) -> None:
        """Have a broker keep its connections and answer nothing for a minute, like a node without power."""
        self._library.rd_kafka_mock_broker_set_rtt(self._cluster, broker, 60_000)

    def set_down(self) -> None:
        """End the broker's connections and take no new ones."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def set_up(self) -> None:
        """Take connections again."""
        self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def stop(self) -> None:
        """End it."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)


@contextmanager
def cluster(brokers: int = 1) -> Iterator[Cluster]:
    """A mock cluster for the length of a test."""
    running = Cluster(brokers)
    try:
        yield running
    finally:
        running.stop()
