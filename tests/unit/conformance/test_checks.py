"""Every check of the conformance suite can fail: a toy server breaks each line by a fault of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, Producer

from conformance import lines, lines_grpc, lines_http, telemetry
from conformance.scoreboard import Outcome, run_all
from conformance.signals import SIGNALS, Signal
from conformance.table import Line
from conformance.target import TOPICS, Need
from conformance.telemetry import MIB
from tests.beds.mock_kafka import MockKafka
from tests.beds.records import SILENT
from tests.unit.conformance.faults import FAULTS
from tests.unit.conformance.toy import Toy

# Lines that cost so much that they run only where one of their kind is expected to fail.
COSTLY = (
    {line.id for line in lines.ALL if line.heavy},
    {line.id for line in lines.ALL if Need.KAFKA in line.needs},
)
BROKEN = {Need.BROKEN, Need.BROKEN_HTTP}


@pytest.fixture(scope="module")
def sink(mock_kafka: MockKafka) -> Iterator[Callable[[Signal, bytes], None]]:
    """Writes into the topics of the mock Kafka, which exist."""
    consumer = Consumer({"bootstrap.servers": mock_kafka.bootstrap, "group.id": "topics"}, logger=SILENT)
    for topic in TOPICS:
        consumer.list_topics(topic, timeout=30)
    consumer.close()
    producer = Producer({"bootstrap.servers": mock_kafka.bootstrap, "message.max.bytes": 100_000_000}, logger=SILENT)

    def write(signal: Signal, payload: bytes) -> None:
        if len(payload) > 4 * MIB:
            return  # the mock keeps 5 MB of a partition: it would push out what is looked for
        producer.produce(TOPICS[SIGNALS.index(signal)], payload)
        producer.poll(0)

    yield write
    producer.flush(30)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch):
    """What would wait, sleep between pings or send a quarter of a gigabyte hardly does."""
    monkeypatch.setattr(lines_grpc, "PING_SECONDS", 0.01)
    monkeypatch.setattr(lines_http, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(telemetry, "OVER_LIMIT", (65 * MIB,))


def chosen(expected: set[str], *, broken: bool) -> list[Line]:
    """The lines of the groups that the expected ones belong to, but for what costs much and is not expected to fail."""
    found = lines.groups(*{identifier.partition(".")[0] for identifier in expected}) if expected else lines.ALL
    left_out = set[str]().union(*(costly for costly in COSTLY if not costly & expected))
    return [line for line in found if bool(BROKEN & {*line.needs}) == broken and line.id not in left_out]


def test_a_right_server_passes_every_line(sink: Callable[[Signal, bytes], None], mock_kafka: MockKafka):
    """Without a fault nothing fails, and nothing but what needs a backend that is down is left out."""
    with Toy(sink=sink, kafka=mock_kafka.bootstrap) as toy:
        results = run_all([line for line in lines.ALL if not BROKEN & {*line.needs}], toy.target)
    assert [(r.line.id, r.outcome, r.seen) for r in results if r.outcome is not Outcome.PASS] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_breaks_its_lines_and_no_others(
    fault: str, sink: Callable[[Signal, bytes], None], mock_kafka: MockKafka
):
    """Of the lines of the same groups, those fail that the fault is meant to break."""
    expected = set(FAULTS[fault].split())
    broken = fault.startswith("backend down")
    with Toy(*fault.split(", "), sink=sink, kafka=mock_kafka.bootstrap) as toy:
        results = run_all(chosen(expected, broken=broken), toy.target)
    failed = {result.line.id: result.seen for result in results if result.outcome is Outcome.FAIL}
    assert set(failed) == expected, failed


def test_every_line_is_broken_by_a_fault():
    """A line that no fault breaks might be unable to fail."""
    assert {line.id for line in lines.ALL} - {name for row in FAULTS.values() for name in row.split()} == set()
