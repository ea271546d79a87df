"""The exporter against every line of the OTLP conformance suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.beds.exporter import ExporterProcess
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import free_port
from tests.conformance.target import Need, Target, reached


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, mock_kafka: MockKafka) -> Iterator[Target]:
    """One exporter with a Kafka, and one whose Kafka nobody answers for."""
    folder, other = tmp_path_factory.mktemp("exporter"), tmp_path_factory.mktemp("broken")
    brokers = "--kafka-exporter-brokers"
    nowhere = [f"{brokers}=127.0.0.1:{free_port()}", "--kafka-exporter-request-timeout=2s"]
    with (
        ExporterProcess(folder, [f"{brokers}={mock_kafka.bootstrap}"]) as exporter,
        ExporterProcess(other, nowhere) as broken,
    ):
        exporter.wait_ready()
        broken.child.wait_until(lambda: broken.status() is not None, 30, "answer to GET /status")
        yield reached({Need.GRPC: exporter.otlp, Need.KAFKA: mock_kafka.bootstrap, Need.BROKEN: broken.otlp})
