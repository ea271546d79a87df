"""An OpenTelemetry Collector reads from Kafka exactly what clients sent to the exporter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from kafka_otlp_exporter.signals import Signal
from tests.beds.collector import Collector, Wiring, wait_for_frames
from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.contract import telemetry
from tests.contract.otlp import Client

pytestmark = [pytest.mark.kafka, pytest.mark.collector]


@dataclass(frozen=True)
class Way:
    """One way of writing: the exporter's flags, whose requests it cuts, and the encoding that the Collector is told."""

    name: str
    flags: tuple[str, ...] = ()
    cut: frozenset[Signal] = frozenset()
    encoding: str = "otlp_proto"

    @property
    def topics(self) -> dict[str, str]:
        """The topic of each signal."""
        return {signal: f"{self.name}-{signal}" for signal in Signal}


ALL = frozenset(Signal)
SMALL = "--kafka-exporter-max-message-bytes=4000"
BY_RESOURCE = tuple(f"--kafka-exporter-partition-{signal}-by-resource-attributes" for signal in Signal)
BY_TRACE = ("--kafka-exporter-partition-traces-by-trace-id", "--kafka-exporter-partition-logs-by-trace-id")
BY_ATTRIBUTES = ("--kafka-exporter-partition-key-attributes=service.instance.id,absent",)

WAYS = [
    Way("whole"),
    Way("split", (SMALL,), ALL),
    Way("by-resource", BY_RESOURCE, ALL),
    Way("by-resource-split", (*BY_RESOURCE, SMALL), ALL),
    Way("by-trace", BY_TRACE, frozenset({Signal.TRACES, Signal.LOGS})),
    Way("by-trace-split", (*BY_TRACE, SMALL), ALL),
    Way("by-attributes", BY_ATTRIBUTES, ALL),
]


@pytest.fixture(scope="module")
def read(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Every way was written; a function that gives what the Collector has read of one signal of a way."""
    folder = tmp_path_factory.mktemp("collector")
    wiring = Wiring()
    for way in WAYS:
        for topic in way.topics.values():
            kafka.create_topic(topic, partitions=3)
        receiver = wiring.from_kafka(way.name, kafka.bootstrap(), way.topics, way.encoding)
        for signal, topic in way.topics.items():
            wiring.connect(signal, [receiver], [wiring.to_file(topic, folder / topic)])
    with Collector(folder, wiring) as collector:
        _send_all(kafka, tmp_path_factory)

        def by(way: Way, signal: Signal) -> list[bytes]:
            topic = way.topics[signal]
            return wait_for_frames(collector.wait_ready(), folder / topic, len(kafka.read(topic)))

        yield by


def _send_all(kafka: KafkaBroker, folders: pytest.TempPathFactory) -> None:
    """Send every request to an exporter of each way."""
    with ExitStack() as stack:
        exporters = []
        for way in WAYS:
            topics = [f"--kafka-exporter-{signal}-topic={topic}" for signal, topic in way.topics.items()]
            flags = [f"--kafka-exporter-brokers={kafka.bootstrap()}", *topics, *way.flags]
            exporters.append(stack.enter_context(ExporterProcess(folders.mktemp(way.name), flags)))
        for exporter in exporters:
            with Client(exporter.wait_ready().otlp) as client:
                for signal, request in telemetry.requests().items():
                    client.send(signal, request.SerializeToString())


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_collector_reads_exactly_what_was_sent(read: Any, way: Way, signal: Signal) -> None:
    """Every item once, under its resource and scope, however the records were cut."""
    sent = telemetry.items(signal, [telemetry.requests()[signal].SerializeToString()])
    found = read(way, signal)
    assert telemetry.items(signal, found) == sent
    assert (len(found) > 1) == (signal in way.cut)
