"""An OpenTelemetry Collector reads from Kafka exactly what clients sent to the exporter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.beds.collector import Collector, Wiring, wait_for_frames
from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.contract import telemetry
from tests.contract.collector_model import kept
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
SMALL = "--kafka-exporter-max-message-bytes=8000"
JSON = "--kafka-exporter-format=json"
BY_RESOURCE = tuple(f"--kafka-exporter-partition-{signal}-by-resource-attributes" for signal in Signal)
BY_TRACE = ("--kafka-exporter-partition-traces-by-trace-id", "--kafka-exporter-partition-logs-by-trace-id")
BY_ATTRIBUTES = ("--kafka-exporter-partition-key-attributes=service.instance.id,absent",)

# Starting is mostly work for the processor; all at once would keep each other from getting ready.
EXPORTERS_AT_A_TIME = 2

WAYS = [
    Way("whole"),
    Way("split", (SMALL,), ALL),
    Way("by-resource", BY_RESOURCE, ALL),
    Way("by-resource-split", (*BY_RESOURCE, SMALL), ALL),
    Way("by-trace", BY_TRACE, frozenset({Signal.TRACES, Signal.LOGS})),
    Way("by-trace-split", (*BY_TRACE, SMALL), ALL),
    Way("by-attributes", BY_ATTRIBUTES, ALL),
    Way("json", (JSON,), encoding="otlp_json"),
    Way("json-split", (JSON, SMALL), ALL, "otlp_json"),
    Way("json-by-resource-split", (JSON, *BY_RESOURCE, SMALL), ALL, "otlp_json"),
    Way("json-by-trace", (JSON, *BY_TRACE), frozenset({Signal.TRACES, Signal.LOGS}), "otlp_json"),
    Way("json-by-attributes", (JSON, *BY_ATTRIBUTES), ALL, "otlp_json"),
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
        folders = [tmp_path_factory.mktemp(way.name) for way in WAYS]
        with ThreadPoolExecutor(EXPORTERS_AT_A_TIME) as pool:
            list(pool.map(partial(_write, kafka.bootstrap()), WAYS, folders))

        def by(way: Way, signal: Signal) -> list[bytes]:
            topic = way.topics[signal]
            return wait_for_frames(collector.wait_ready(), folder / topic, len(kafka.read(topic)))

        yield by


def _write(brokers: str, way: Way, folder: Path) -> None:
    """Send every request to an exporter that writes in this way."""
    topics = [f"--kafka-exporter-{signal}-topic={topic}" for signal, topic in way.topics.items()]
    flags = [f"--kafka-exporter-brokers={brokers}", *topics, *way.flags]
    with ExporterProcess(folder, flags) as exporter, Client(exporter.wait_ready(90).otlp) as client:
        for signal, request in telemetry.requests().items():
            client.send(signal, request.SerializeToString())


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_collector_reads_exactly_what_was_sent(read: Any, way: Way, signal: Signal) -> None:
    """Every item once, under its resource and scope, however the records were cut; to the bit, where it is protobuf."""
    found = read(way, signal)
    sent = [telemetry.requests()[signal].SerializeToString()]
    if way.encoding == "otlp_json":
        assert in_its_model(signal, found) == in_its_model(signal, sent)
    else:
        assert telemetry.items(signal, found) == telemetry.items(signal, sent)
    assert (len(found) > 1) == (signal in way.cut)


def in_its_model(signal: Signal, payloads: list[bytes]) -> Counter[telemetry.Item]:
    """The items of requests as the Collector keeps them when it reads JSON."""
    kind = SIGNALS[signal].request
    return telemetry.items(signal, [kept(kind.FromString(payload)).SerializeToString() for payload in payloads])
