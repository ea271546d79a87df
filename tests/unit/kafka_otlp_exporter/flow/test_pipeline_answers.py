"""What the pipeline tells its receiver and its metrics, with a real producer and a receiver that a test controls."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.otlp.wire import enclose
from kafka_otlp_exporter.outcomes import Delivered, Reason, Unavailable
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import wait_until
from tests.unit.kafka_otlp_exporter import librdkafka, samples
from tests.unit.kafka_otlp_exporter.flow.pipeline_bench import Bench

SHUTTING_DOWN = "the exporter is shutting down and Kafka has not acknowledged yet: send it again."


def test_its_threads_are_named_and_end_with_the_process(bench: Any, nobody: str):
    """A dump of the threads tells them apart, and a thread that hangs does not keep the process alive."""
    running = bench(nobody)
    threads = running.pipeline._threads
    assert [(thread.name, thread.daemon) for thread in threads] == [("produce", True), ("deliver", True)]


def test_an_idle_pipeline_goes_on_to_beat(bench: Any, nobody: str):
    """Without requests, both threads begin a round ten times a second."""
    beats = bench(nobody).pipeline._beats
    assert beats.keys() == {"produce", "deliver"}
    for _ in range(3):
        before = dict(beats)
        wait_until(partial(later, beats, before), 5, lambda: "no beat", 0.01)


def later(beats: Mapping[str, float], before: Mapping[str, float]) -> bool:
    """Whether every beat is newer than before."""
    return all(beats[name] > since for name, since in before.items())


def test_a_stop_does_not_wait_for_a_thread_that_hangs(bench: Any, nobody: str, monkeypatch: Any):
    """It answers what is left all the same."""
    running = bench(nobody)
    let_go, hangs = threading.Event(), threading.Event()

    def hang(*_: Any) -> list[Any]:
        hangs.set()
        let_go.wait(60)
        return []

    with monkeypatch.context() as patched:
        patched.setattr(running.hand, "take", hang)
        assert hangs.wait(5)
        identifier = running.hand.put(running.budget, Signal.LOGS, samples.logs())
        stopping = threading.Thread(target=running.pipeline.stop, daemon=True)
        stopping.start()
        outcome = running.hand.answer(identifier)
        assert outcome == Unavailable(Reason.DRAINING, SHUTTING_DOWN)
        let_go.set()
        stopping.join(10)
        assert not stopping.is_alive()


def test_a_stop_answers_what_kafka_has_not_acknowledged_itself(bench: Any, nobody: str, monkeypatch: Any):
    """The receiver need not know those requests any more."""
    running = bench(nobody)
    ids = [running.hand.put(running.budget, Signal.LOGS, samples.logs(2)) for _ in range(3)]
    running.wait_for_records(3)
    ends: list[Any] = []
    monkeypatch.setattr(running.hand, "end", ends.append)
    running.pipeline.stop()
    answers = [running.hand.whole_answer(identifier) for identifier in ids]
    late = Unavailable(Reason.DRAINING, SHUTTING_DOWN)
    assert [(answer.outcome, answer.items) for answer in answers] == [(late, 2)] * 3
    assert ends == [late]


def test_json_is_read_as_json(bench: Any, mock_kafka: MockKafka):
    """The record is the same request in protobuf."""
    running = bench(mock_kafka.bootstrap)
    text = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"INFO"}]}]}]}'
    answer = running.hand.whole_answer(running.hand.put(running.budget, Signal.LOGS, text, encoding=Format.JSON))
    assert answer.outcome == Delivered()
    assert answer.items == 1
    (message,) = mock_kafka.read(running.options.logs_topic)
    assert b"INFO" in (message.value() or b"")
    assert b"resourceLogs" not in (message.value() or b"")


def test_items_that_are_rejected_are_told_with_those_that_are_delivered(bench: Any, mock_kafka: MockKafka):
    """The small log record is in Kafka; the answer names the number of the large ones."""
    running = bench(mock_kafka.bootstrap, max_message_bytes=5000)
    outcome = running.send(Signal.LOGS, samples.logs(1, "small") + samples.logs(2, "x" * 6000))
    assert isinstance(outcome, Delivered)
    assert outcome.rejected is not None
    assert outcome.rejected.items == 2
    (message,) = mock_kafka.read(running.options.logs_topic)
    assert b"small" in (message.value() or b"")


def test_strings_that_are_no_utf8_are_repaired_and_counted(bench: Any, mock_kafka: MockKafka):
    """The client is told OK, the metric says how many, and the record parses."""
    running = bench(mock_kafka.bootstrap)
    payload = samples.logs(1, "before") + samples.logs(1, "bytes").replace(b"bytes", b"caf\xe9!")
    answer = running.hand.whole_answer(running.hand.put(running.budget, Signal.LOGS, payload))
    assert (answer.outcome, answer.items) == (Delivered(), 2)
    (message,) = mock_kafka.read(running.options.logs_topic)
    assert message.value() == samples.logs(1, "before") + samples.logs(1, "caf\N{REPLACEMENT CHARACTER}!")
    assert running.count("repaired_strings_total", signal="logs") == 1


def test_items_with_faults_are_rejected_alone_and_counted(bench: Any, mock_kafka: MockKafka):
    """The others are in Kafka, and each item is counted where it ended."""
    running = bench(mock_kafka.bootstrap)
    scope = enclose(2, enclose(9, b"short")) + enclose(2, b"")
    outcome = running.send(Signal.LOGS, enclose(1, enclose(2, scope)) + samples.logs(1))
    assert isinstance(outcome, Delivered)
    assert outcome.rejected is not None
    assert (outcome.rejected.items, outcome.rejected.flawed, outcome.rejected.surplus) == (1, 1, 0)
    assert outcome.rejected.message == (
        "1 of the log records is rejected: resourceLogs[0].scopeLogs[0].logRecords[0].traceId has 5 bytes, and has to have 16. "
        "Everything else of the request is delivered."
    )
    (message,) = mock_kafka.read(running.options.logs_topic)
    assert message.value() == enclose(1, enclose(2, enclose(2, b""))) + samples.logs(1)


def test_a_request_of_bad_items_alone_becomes_no_record(bench: Any, nobody: str):
    """There is nothing to wait for."""
    outcome = bench(nobody).send(Signal.LOGS, enclose(1, enclose(2, enclose(2, enclose(9, b"short")))))
    assert isinstance(outcome, Delivered)
    assert outcome.rejected is not None
    assert outcome.rejected.items == 1


def test_a_request_is_split_from_two_records_on(bench: Any, mock_kafka: MockKafka):
    """One record is no split."""
    running = bench(mock_kafka.bootstrap, max_message_bytes=5000)
    assert running.send(Signal.LOGS, samples.logs()) == Delivered()
    assert running.count("split_requests_total", signal="logs") == 0
    assert running.send(Signal.LOGS, samples.logs(2, "x" * 3000)) == Delivered()
    assert running.count("records_total", signal="logs", outcome="delivered") == 3
    assert running.count("split_requests_total", signal="logs") == 1


def test_the_bytes_of_every_record_are_counted_where_it_ended(bench: Any, faulty: librdkafka.Cluster):
    """Of a split request, Kafka refuses two records. Each record counts where it ended, with its own bytes."""
    running: Bench = bench(faulty.bootstrap, max_message_bytes=5000)
    faulty.answer_produce_with(87, 87)
    answer = running.send(Signal.LOGS, b"".join(samples.logs(1, "x" * size) for size in range(3000, 3005)))
    assert isinstance(answer, Unavailable)
    running.wait_for_free_budget()
    assert figures(running, "failed")[0] == 2
    assert 2 * 3000 < figures(running, "failed")[1] < 2 * 3100
    assert figures(running, "delivered")[0] == 3
    assert 3 * 3000 < figures(running, "delivered")[1] < 3 * 3100


def figures(running: Bench, outcome: str) -> tuple[float, float]:
    """How many log records of Kafka ended so, and the bytes of their values."""
    records = running.count("records_total", signal="logs", outcome=outcome)
    size = running.count("record_bytes_total", signal="logs", outcome=outcome)
    assert records is not None
    assert size is not None
    return records, size


def test_records_that_there_is_no_room_for_are_told_in_one_sentence(bench: Any, nobody: str):
    """It says what is full, and what the client does."""
    assert bench(nobody).pipeline._too_grown == Unavailable(
        Reason.MEMORY_BUDGET_FULL,
        "the request's records are larger than the request, and as many bytes as --max-in-flight-bytes allows wait for "
        "Kafka: send it again.",
    )
