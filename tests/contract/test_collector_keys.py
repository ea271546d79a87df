"""What an OpenTelemetry Collector's Kafka exporter writes, held against what ours writes of the same telemetry.

Who moves from one to the other finds each key, and what stands under it, in the same partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Message

from kafka_otlp_exporter import wire
from kafka_otlp_exporter.signals import SIGNALS, Signal
from tests.beds.collector import Collector, Wiring
from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.contract import telemetry
from tests.contract.otlp import send

pytestmark = [pytest.mark.kafka, pytest.mark.collector]

PARTITIONS = 5


@dataclass(frozen=True)
class Keying:
    """One way of making keys: the Collector's options, ours, and the signals that it is for."""

    name: str
    theirs: tuple[str, ...]
    ours: tuple[str, ...]
    signals: tuple[Signal, ...]


KEYINGS = [
    Keying(
        "resource",
        ("partition_metrics_by_resource_attributes", "partition_logs_by_resource_attributes"),
        ("partition-metrics-by-resource-attributes", "partition-logs-by-resource-attributes"),
        (Signal.METRICS, Signal.LOGS),
    ),
]
ROWS = [pytest.param(keying, signal, id=f"{keying.name}-{signal}") for keying in KEYINGS for signal in keying.signals]


def topics(writer: str, keying: Keying) -> dict[str, str]:
    """The topic of each signal that a writer keys so."""
    return {signal: f"{writer}-{keying.name}-{signal}" for signal in keying.signals}


@pytest.fixture(scope="module")
def written(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, list[Message]]]:
    """The records of each topic, the Collector's and ours."""
    folder = tmp_path_factory.mktemp("collector")
    wiring = Wiring()
    otlp = wiring.otlp()
    for keying in KEYINGS:
        for topic in [*topics("theirs", keying).values(), *topics("ours", keying).values()]:
            kafka.create_topic(topic, PARTITIONS)
        options = dict.fromkeys(keying.theirs, True)
        exporter = wiring.to_kafka(keying.name, kafka.bootstrap(), topics("theirs", keying), "otlp_proto", options)
        for signal in keying.signals:
            wiring.connect(signal, ["otlp"], [exporter])
    with Collector(folder, wiring) as collector, ExitStack() as stack:
        exporters = {
            keying: stack.enter_context(_exporter(kafka, keying, tmp_path_factory.mktemp(keying.name)))
            for keying in KEYINGS
        }
        collector.wait_ready()
        for signal in {signal for keying in KEYINGS for signal in keying.signals}:
            send(otlp, signal, telemetry.requests()[signal].SerializeToString())
        for keying, exporter in exporters.items():
            for signal in keying.signals:
                send(exporter.wait_ready().otlp, signal, telemetry.requests()[signal].SerializeToString())
    every = [
        topics(writer, keying)[signal]
        for writer in ("theirs", "ours")
        for keying in KEYINGS
        for signal in keying.signals
    ]
    yield {topic: kafka.read(topic) for topic in every}


def _exporter(kafka: KafkaBroker, keying: Keying, folder: Path) -> ExporterProcess:
    return ExporterProcess(
        folder,
        [
            f"--kafka-exporter-brokers={kafka.bootstrap()}",
            "--kafka-exporter-partitioner=fnv1a-random",
            *(f"--kafka-exporter-{signal}-topic={topic}" for signal, topic in topics("ours", keying).items()),
            *(f"--kafka-exporter-{option}" for option in keying.ours),
        ],
    )


def by_key(signal: Signal, records: list[Message]) -> dict[bytes | None, telemetry.Counter[telemetry.Item]]:
    """The items under each key; the Collector's empty key counts as none."""
    return telemetry.by_key(signal, [(record.key() or None, record.value() or b"") for record in records])


@pytest.mark.parametrize(("keying", "signal"), ROWS)
def test_keys_and_what_stands_under_them_are_the_collectors(
    written: Mapping[str, list[Message]], keying: Keying, signal: Signal
) -> None:
    """The Collector writes a record for each resource and ours one for each key, so items are compared, not records."""
    theirs = by_key(signal, written[topics("theirs", keying)[signal]])
    ours = by_key(signal, written[topics("ours", keying)[signal]])
    assert ours == theirs
    assert len(ours) > 2


@pytest.mark.parametrize(("keying", "signal"), ROWS)
def test_with_fnv1a_random_each_key_goes_to_the_collectors_partition(
    written: Mapping[str, list[Message]], keying: Keying, signal: Signal
) -> None:
    """The Collector's own default partitioner; what has no key may go anywhere."""
    theirs, ours = (
        {(record.key(), record.partition()) for record in written[topics(writer, keying)[signal]] if record.key()}
        for writer in ("theirs", "ours")
    )
    assert ours == theirs
    assert len({partition for _, partition in ours}) > 1


@pytest.mark.parametrize(("keying", "signal"), ROWS)
def test_the_collectors_records_are_valid_to_us(
    written: Mapping[str, list[Message]], keying: Keying, signal: Signal
) -> None:
    """And hold every item that was sent."""
    values = [record.value() or b"" for record in written[topics("theirs", keying)[signal]]]
    for value in values:
        wire.validate(value, SIGNALS[signal].request)
    assert telemetry.items(signal, values) == telemetry.items(
        signal, [telemetry.requests()[signal].SerializeToString()]
    )
