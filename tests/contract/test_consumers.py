"""The consumers of ``examples/consumers`` read what the exporter writes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from kafka_otlp_exporter.otlp.signals import Signal
from tests.beds import java
from tests.beds.collector import Collector, Wiring, wait_for_frames
from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.beds.process import Child
from tests.contract import telemetry
from tests.contract.otlp import Client
from tests.examples import FOLDER

CONSUMERS = FOLDER / "consumers"
TOPICS = {signal: f"otlp_{signal}" for signal in Signal}

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka with the default topics, into which an exporter with defaults has written one request of each signal."""
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as kafka:
        for topic in TOPICS.values():
            kafka.create_topic(topic)
        flags = [f"--kafka-exporter-brokers={kafka.bootstrap()}"]
        with (
            ExporterProcess(tmp_path_factory.mktemp("exporter"), flags) as exporter,
            Client(exporter.wait_ready(90).otlp) as client,
        ):
            for signal, request in telemetry.requests().items():
                client.send(signal, request.SerializeToString())
        yield kafka.bootstrap()


def spans() -> list[str]:
    """The line of each span that was sent: its service and its name, None as both languages write it."""
    traces: Any = telemetry.requests()[Signal.TRACES]
    return sorted(
        f"{services.get('service.name', 'None')} {span.name}"
        for envelope in traces.resource_spans
        for services in [{one.key: one.value.string_value for one in envelope.resource.attributes}]
        for scope in envelope.scope_spans
        for span in scope.spans
    )


def read(consumer: Child) -> list[str]:
    """What a consumer printed, once it has printed as many lines as spans were sent; it is ended."""

    def lines() -> list[str]:
        return consumer.log.read_text().splitlines()

    try:
        consumer.wait_until(lambda: len(lines()) >= len(spans()), 60, "line for each span")
    finally:
        consumer.kill()
    return sorted(line.replace("null ", "None ", 1) for line in lines())


def test_the_python_consumer_prints_every_span(brokers: str, tmp_path: Path) -> None:
    """Each span once, under its service."""
    command = [sys.executable, str(CONSUMERS / "read_records.py"), brokers, TOPICS[Signal.TRACES]]
    assert read(Child(command, tmp_path / "consumer.log")) == spans()


def test_the_java_consumer_prints_every_span(brokers: str, tmp_path: Path) -> None:
    """Each span once, under its service."""
    program, pom = CONSUMERS / "ReadRecords.java", CONSUMERS / "pom.xml"
    assert read(java.start(program, pom, tmp_path, brokers, TOPICS[Signal.TRACES])) == spans()


@dataclass
class Example(Wiring):
    """The example's configuration, with the addresses of this test in the place of the cluster's."""

    brokers: str = ""
    backend: str = ""

    def configuration(self) -> dict[str, Any]:
        """The file, read."""
        text = (CONSUMERS / "collector.yaml").read_text()
        for theirs, ours in (("kafka.kafka.svc:9092", self.brokers), ("backend.observability.svc:4317", self.backend)):
            assert text.count(theirs) == 1
            text = text.replace(theirs, ours)
        found: dict[str, Any] = yaml.safe_load(text)
        return found


@pytest.mark.collector
def test_the_collector_sends_on_what_was_written(brokers: str, tmp_path: Path) -> None:
    """A second Collector, the backend, is sent every item of the three signals once."""
    backend = Wiring()
    address = backend.otlp()
    for signal in Signal:
        backend.connect(signal, ["otlp"], [backend.to_file(signal, tmp_path / signal)])
    folders = [tmp_path / name for name in ("backend", "collector")]
    for folder in folders:
        folder.mkdir()
    with Collector(folders[0], backend) as receiving:
        receiving.wait_ready()
        with Collector(folders[1], Example(brokers=brokers, backend=address)) as collector:
            collector.wait_ready()
            for signal, request in telemetry.requests().items():
                found = wait_for_frames(receiving, tmp_path / signal, 1)
                assert telemetry.items(signal, found) == telemetry.items(signal, [request.SerializeToString()])
