"""What an OpenTelemetry Collector's Kafka exporter writes, held against what ours writes of the same telemetry.

Who moves from one to the other finds each key, and what stands under it, in the same partition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.records.keys import resource_key
from tests.beds.collector import Collector, Wiring
from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.contract import telemetry
from tests.contract.draws import drawn
from tests.contract.otlp import Client
from tests.laws.messages import messages

pytestmark = [pytest.mark.kafka, pytest.mark.collector]

PARTITIONS = 5
RESOURCES = 300
ATTRIBUTES = st.lists(
    st.fixed_dictionaries({"key": st.text(max_size=3), "value": messages(AnyValue.DESCRIPTOR, 4)}),
    min_size=1,
    max_size=5,
)


@dataclass(frozen=True)
class Keying:
    """One way of making keys and choosing partitions by them: the Collector's options, our flags, and for which signals."""

    name: str
    theirs: Mapping[str, Any]
    ours: tuple[str, ...]
    signals: tuple[Signal, ...]


KEYINGS = [
    # fnv1a is what the Collector does unless told otherwise.
    Keying(
        "resource",
        {"partition_metrics_by_resource_attributes": True, "partition_logs_by_resource_attributes": True},
        (
            "partition-metrics-by-resource-attributes",
            "partition-logs-by-resource-attributes",
            "partitioner=fnv1a-random",
        ),
        (Signal.METRICS, Signal.LOGS),
    ),
    Keying(
        "trace",
        {"partition_traces_by_id": True, "partition_logs_by_trace_id": True},
        ("partition-traces-by-trace-id", "partition-logs-by-trace-id", "partitioner=fnv1a-random"),
        (Signal.TRACES, Signal.LOGS),
    ),
    Keying(
        "resource-murmur2",
        {
            "partition_logs_by_resource_attributes": True,
            "record_partitioner": {"sticky_key": {"hasher": "murmur2"}},
        },
        ("partition-logs-by-resource-attributes", "partitioner=murmur2-random"),
        (Signal.LOGS,),
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
        exporter = wiring.to_kafka(
            keying.name, kafka.bootstrap(), topics("theirs", keying), "otlp_proto", keying.theirs
        )
        for signal in keying.signals:
            wiring.connect(signal, ["otlp"], [exporter])
    with Collector(folder, wiring) as collector, ExitStack() as stack:
        exporters = {
            keying.name: stack.enter_context(_exporter(kafka, keying, tmp_path_factory.mktemp(keying.name)))
            for keying in KEYINGS
        }
        collector.wait_ready()
        _send(otlp, {signal for keying in KEYINGS for signal in keying.signals})
        for keying in KEYINGS:
            _send(exporters[keying.name].wait_ready(90).otlp, keying.signals)
    every = [
        topics(writer, keying)[signal]
        for writer in ("theirs", "ours")
        for keying in KEYINGS
        for signal in keying.signals
    ]
    yield {topic: kafka.read(topic) for topic in every}


def _send(otlp: str, signals: Iterable[Signal]) -> None:
    with Client(otlp) as client:
        for signal in signals:
            client.send(signal, telemetry.requests()[signal].SerializeToString())


def _exporter(kafka: KafkaBroker, keying: Keying, folder: Path) -> ExporterProcess:
    return ExporterProcess(
        folder,
        [
            f"--kafka-exporter-brokers={kafka.bootstrap()}",
            *(f"--kafka-exporter-{signal}-topic={topic}" for signal, topic in topics("ours", keying).items()),
            *(f"--kafka-exporter-{option}" for option in keying.ours),
        ],
    )


def by_key(signal: Signal, records: list[Message]) -> dict[bytes | None, Counter[telemetry.Item]]:
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
def test_each_key_goes_to_the_collectors_partition(
    written: Mapping[str, list[Message]], keying: Keying, signal: Signal
) -> None:
    """With the partitioner of the same name; what has no key may go anywhere."""
    theirs, ours = (
        {(record.key(), record.partition()) for record in written[topics(writer, keying)[signal]] if record.key()}
        for writer in ("theirs", "ours")
    )
    assert ours == theirs
    assert len({partition for _, partition in ours}) > 1


@pytest.mark.parametrize(("signal", "theirs"), [(Signal.TRACES, b""), (Signal.LOGS, None)])
def test_what_has_no_trace_id_has_a_null_key(
    written: Mapping[str, list[Message]], signal: Signal, theirs: bytes | None
) -> None:
    """The Collector gives such spans an empty key, and by that key all of them go to one partition."""
    [keying] = [keying for keying in KEYINGS if keying.name == "trace"]
    collectors, ours = (
        [record for record in written[topics(writer, keying)[signal]] if not record.key()]
        for writer in ("theirs", "ours")
    )
    assert {record.key() for record in ours} == {None}
    assert {record.key() for record in collectors} == {theirs}
    if theirs is not None:
        assert len(collectors) > PARTITIONS
        assert len({record.partition() for record in collectors}) == 1


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


@pytest.fixture(scope="module")
def of_any_resource(
    kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[Resource, bytes | None]]:
    """Resources of every shape, each with the key that the Collector gave to its record."""
    folder, topic = tmp_path_factory.mktemp("collector"), "theirs-any-logs"
    kafka.create_topic(topic)
    wiring = Wiring()
    otlp = wiring.otlp()
    options = {"partition_logs_by_resource_attributes": True}
    exporter = wiring.to_kafka("any", kafka.bootstrap(), {Signal.LOGS: topic}, "otlp_proto", options)
    wiring.connect(Signal.LOGS, ["otlp"], [exporter])
    request = ExportLogsServiceRequest()
    for attributes in drawn(ATTRIBUTES, RESOURCES):
        request.resource_logs.add(resource={"attributes": attributes}).scope_logs.add().log_records.add()
    with Collector(folder, wiring) as collector, Client(otlp) as client:
        collector.wait_ready()
        client.send(Signal.LOGS, request.SerializeToString())
    written = [(ExportLogsServiceRequest.FromString(one.value() or b""), one.key()) for one in kafka.read(topic)]
    return [(part.resource, key) for made, key in written for part in made.resource_logs]


def test_the_key_of_any_resource_is_the_collectors(of_any_resource: list[tuple[Resource, bytes | None]]) -> None:
    """Whatever the names and values of its attributes, two of one name among them."""
    assert [found for found in of_any_resource if found[1] != resource_key(found[0].attributes)] == []
    assert len({key for _, key in of_any_resource}) > RESOURCES // 2
    names = [[attribute.key for attribute in resource.attributes] for resource, _ in of_any_resource]
    assert any(len(set(of_one)) < len(of_one) for of_one in names)
