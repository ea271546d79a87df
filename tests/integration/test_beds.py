"""A bed never takes another process for its own: a test would then judge a broker, an API or an exporter of somebody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker, Listener
from tests.beds.kubernetes import ApiServer
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import BedError


@pytest.mark.kafka
def test_a_broker_on_the_port_of_another_one_is_an_error(kafka: KafkaBroker, tmp_path: Path):
    """The other broker answers every question that the bed asks."""
    port = kafka.listeners["PLAINTEXT"].port
    with (
        pytest.raises(BedError, match=rf"port {port} of 127\.0\.0\.1 belongs to process \d+ \(java "),
        KafkaBroker(tmp_path, listeners={"PLAINTEXT": Listener(port)}),
    ):
        pass


@pytest.fixture
def api_server(tmp_path: Path) -> Iterator[ApiServer]:
    """A real Kubernetes API."""
    folder = tmp_path / "first"
    folder.mkdir()
    with ApiServer(folder) as server:
        yield server


@pytest.mark.kubernetes
def test_an_api_server_on_the_port_of_another_one_is_an_error(api_server: ApiServer, tmp_path: Path):
    """It is told at once, not after the time that an API server may take to start."""
    second = ApiServer(tmp_path)
    second.port = api_server.port
    with (
        pytest.raises(BedError, match=rf"port {second.port} of 127\.0\.0\.1 belongs to process \d+ \(.*kube-apiserver"),
        second,
    ):
        pass


def test_an_exporter_on_the_port_of_another_one_is_an_error(mock_kafka: MockKafka, tmp_path: Path):
    """The other exporter is ready, so its /readyz would say yes."""
    flags = [f"--kafka-exporter-brokers={mock_kafka.bootstrap}"]
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with (
        ExporterProcess(folders[0], flags) as first,
        ExporterProcess(folders[1], [*flags, f"--admin-endpoint={first.wait_ready().admin}"]) as second,
        pytest.raises(BedError, match=r"belongs to process \d+ \(.*kafka_otlp_exporter"),
    ):
        second.wait_ready()
