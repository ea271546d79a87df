"""An OpenTelemetry Collector as the client: what it has taken over reaches Kafka, though Kafka stands still for a while."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp.signals import Signal
from tests.beds.collector import Collector, Wiring
from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.beds.process import wait_until
from tests.contract.otlp import Client

pytestmark = [pytest.mark.kafka, pytest.mark.collector]

TOPIC = "chained"
FROZEN_SECONDS = 6  # three times the request timeout


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker that the test may stop where it is."""
    folder = tmp_path / "kafka"
    folder.mkdir()
    with KafkaBroker(folder) as broker:
        broker.create_topic(TOPIC)
        yield broker


def one_span(name: str) -> bytes:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name=name, trace_id=b"t" * 16, span_id=b"s" * 8)
    return request.SerializeToString()


def received(kafka: KafkaBroker) -> Counter[str]:
    """The names of the spans in Kafka, each as often as it is there."""
    return Counter(
        span.name
        for record in kafka.read(TOPIC)
        for resource in ExportTraceServiceRequest.FromString(record.value() or b"").resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )


def received_by_now(kafka: KafkaBroker) -> Counter[str]:
    """The same; nothing while the partition has no leader, which it has not for a moment after a freeze."""
    try:
        return received(kafka)
    except KafkaException:
        return Counter()


def test_a_collector_that_retries_loses_nothing_while_the_broker_is_frozen(
    own_kafka: KafkaBroker, tmp_path: Path
) -> None:
    """It is told UNAVAILABLE with a time to come back, waits for that long, and drops nothing."""
    flags = [
        f"--kafka-exporter-brokers={own_kafka.bootstrap()}",
        f"--kafka-exporter-traces-topic={TOPIC}",
        "--kafka-exporter-request-timeout=2s",  # shorter than the Collector's own, so that the answer is ours
    ]
    wiring = Wiring()
    otlp = wiring.otlp()
    with ExporterProcess(tmp_path, flags) as exporter:
        wiring.connect(Signal.TRACES, ["otlp"], [wiring.to_otlp("ours", exporter.otlp)])
        exporter.wait_ready()
        with Collector(tmp_path, wiring) as collector, Client(otlp) as client:
            collector.wait_ready()
            sent = [_sent(client, f"before {number}") for number in range(100)]
            wait_until(lambda: len(received(own_kafka)) == 100, 60, lambda: "nothing comes through")
            own_kafka.pause()
            over = time.monotonic() + FROZEN_SECONDS
            while time.monotonic() < over:
                sent.append(_sent(client, f"during {len(sent)}"))
                time.sleep(0.02)
            own_kafka.resume()
            sent += [_sent(client, f"after {number}") for number in range(100)]
            wait_until(lambda: set(sent) <= set(received_by_now(own_kafka)), 90, lambda: _missing(sent, own_kafka))
    found = received(own_kafka)
    retries = [line for line in collector.log.splitlines() if "Will retry the request" in line]
    assert set(found) == set(sent)
    assert "Dropping data" not in collector.log
    assert retries, "the Collector felt nothing of it"
    assert all(_waited_as_told(line) for line in retries), retries[-1]
    print(f"{len(sent)} sent, {len(retries)} retries, {found.total() - len(found)} duplicates in Kafka")


def _sent(client: Client, name: str) -> str:
    client.send(Signal.TRACES, one_span(name))
    return name


def _missing(sent: list[str], kafka: KafkaBroker) -> str:
    missing = set(sent) - set(received_by_now(kafka))
    return f"{len(missing)} of {len(sent)} spans are missing, among them {sorted(missing)[:3]}"


def _waited_as_told(line: str) -> bool:
    """Whether the Collector found our RetryInfo of one second, which is longer than it would have waited by itself."""
    said = json.loads(line)
    return "code = Unavailable" in said["error"] and said["error"].startswith("Throttle (1s)")
