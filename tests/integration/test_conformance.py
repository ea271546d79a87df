"""The exporter against every line of the OTLP conformance suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance import lines
from conformance.scoreboard import Outcome, run
from conformance.table import Level, Line
from conformance.target import Need, Target, reached
from tests.beds.exporter import ExporterProcess
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import free_port, http_get

# OTLP leaves these open, and the exporter does otherwise. gRPC's C core answers INTERNAL to an unknown compression,
# without a list of those it knows. A request to another path, or that is no OTLP, gets a sentence as plain text.
OTHERWISE = {"G2.9", "G2.10", "H4.9"}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, mock_kafka: MockKafka) -> Iterator[Target]:
    """One exporter with a Kafka, and one whose Kafka does not answer."""
    folder, other = tmp_path_factory.mktemp("exporter"), tmp_path_factory.mktemp("broken")
    nowhere = f"127.0.0.1:{free_port()}"
    with (
        ExporterProcess(folder, [f"--kafka-exporter-brokers={mock_kafka.bootstrap}"]) as exporter,
        ExporterProcess(
            other, [f"--kafka-exporter-brokers={nowhere}", "--kafka-exporter-request-timeout=1s"]
        ) as broken,
    ):
        exporter.wait_ready(120)
        broken.child.wait_until(lambda: http_get(f"http://{broken.admin}/livez")[0] == 200, 120, "200 to GET /livez")
        addresses = {
            Need.GRPC: exporter.otlp,
            Need.HTTP: exporter.otlp_http,
            Need.KAFKA: mock_kafka.bootstrap,
            Need.BROKEN: broken.otlp,
            Need.BROKEN_HTTP: broken.otlp_http,
        }
        yield reached(addresses)


def test_every_address_is_reached(target: Target):
    """Otherwise the lines that need it would not run."""
    assert target.absent == {}


@pytest.mark.parametrize("line", [line for line in lines.ALL if not line.slow], ids=lambda line: line.id)
def test_the_exporter_does_what_the_line_says(line: Line, target: Target):
    """Each MUST and SHOULD, and each MAY except those listed."""
    result = run(line, target)
    if line.id in OTHERWISE:
        assert (result.outcome, line.level) == (Outcome.FAIL, Level.MAY)
    else:
        assert (result.outcome, result.seen if result.outcome is not Outcome.PASS else "") == (Outcome.PASS, "")
