"""The loop between a receiver and Kafka, with a real producer and a receiver that a test controls."""

import threading
import time
from typing import Any

import pytest

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.flow import pipeline
from kafka_otlp_exporter.flow.budget import Budget
from kafka_otlp_exporter.flow.request import Answer
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Reason, Unavailable
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import wait_until
from tests.unit.kafka_otlp_exporter import librdkafka, samples
from tests.unit.kafka_otlp_exporter.flow.pipeline_bench import CHARGE, Bench, Hand


@pytest.mark.parametrize("signal", Signal)
def test_a_request_is_delivered(bench: Any, mock_kafka: MockKafka, signal: Signal):
    """Kafka has its bytes when it is answered, its budget is free, and it was counted."""
    running = bench(mock_kafka.bootstrap)
    payload = samples.OF_EACH[signal](3) + samples.UNKNOWN_FIELD
    answer = running.hand.whole_answer(running.hand.put(running.budget, signal, payload, age=1))
    assert answer.outcome == Delivered()
    assert answer.items == (1 if signal is Signal.METRICS else 3)
    assert answer.seconds is not None
    assert 1 <= answer.seconds < 11
    topic = getattr(running.options, f"{signal.value}_topic")
    (message,) = mock_kafka.read(topic)
    assert message.value() == payload
    assert message.key() is None
    assert message.headers() == [("content-type", b"application/x-protobuf"), ("otlp.signal", signal.value.encode())]
    running.wait_for_free_budget()
    assert running.count("received_bytes_total", signal=signal.value) == len(payload)
    assert running.count("records_total", signal=signal.value, outcome="delivered") == 1
    assert running.count("record_bytes_total", signal=signal.value, outcome="delivered") == len(payload)


def test_many_requests_are_each_answered_once(bench: Any, mock_kafka: MockKafka):
    """Each becomes one record."""
    running = bench(mock_kafka.bootstrap)
    ids = [running.hand.put(running.budget, Signal.LOGS, samples.logs(text=str(number))) for number in range(1000)]
    assert {type(running.hand.answer(identifier)) for identifier in ids} == {Delivered}
    running.wait_for_free_budget()
    assert sorted(running.hand.answered) == ids
    assert len(mock_kafka.read(running.options.logs_topic)) == 1000


def test_an_empty_request_is_answered_without_kafka(bench: Any, nobody: str):
    """There is no record to wait for."""
    running = bench(nobody)
    identifier = running.hand.put(running.budget, Signal.TRACES, b"")
    assert running.hand.whole_answer(identifier) == Answer(identifier, Delivered())
    running.wait_for_free_budget()


def test_malformed_bytes_are_invalid_and_no_record(bench: Any, nobody: str):
    """The client is told which message they should be."""
    running = bench(nobody)
    identifier = running.hand.put(running.budget, Signal.TRACES, b"\xff\xff")
    sentence = (
        "the payload is no valid opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest: a number is too long, or "
        "the payload ends inside it."
    )
    assert running.hand.whole_answer(identifier) == Answer(identifier, Invalid(sentence))
    running.wait_for_free_budget()
    running.wait_for_records(0)


def test_what_is_too_large_is_rejected_and_no_record(bench: Any, nobody: str):
    """The answer has the number of its items; OTLP calls that a partial success."""
    running = bench(nobody, max_message_bytes=1000)
    outcome = running.send(Signal.METRICS, samples.metrics(3, "x" * 1000))
    assert isinstance(outcome, Delivered)
    assert outcome.rejected is not None
    assert outcome.rejected.items == 3
    running.wait_for_free_budget()
    assert outcome.rejected.surplus == 0


def test_custom_config_sets_the_limit_too(bench: Any, nobody: str):
    """It wins over maxMessageBytes, and the pipeline uses the value that won."""
    running = bench(nobody, {"message.max.bytes": "1000"}, max_message_bytes=1_000_000)
    outcome = running.send(Signal.METRICS, samples.metrics(3, "x" * 1000))
    assert isinstance(outcome, Delivered)
    assert outcome.rejected is not None
    assert "(maxMessageBytes) is 1000" in outcome.rejected.message


def test_a_request_that_kafka_does_not_answer_is_answered_after_request_timeout(bench: Any, nobody: str):
    """Its bytes stay taken until librdkafka lets go of them: they are still in memory."""
    running = bench(nobody, message_timeout_ms=1500, request_timeout=0.3)
    running.wait_for_the_cause()
    began = time.monotonic()
    outcome = running.send(Signal.LOGS, samples.logs())
    waited = time.monotonic() - began
    assert outcome == Unavailable(Reason.KAFKA_UNREACHABLE, "no Kafka broker can be reached.")
    assert 0.3 <= waited < 1.0
    assert running.budget.taken == CHARGE
    running.wait_for_free_budget()
    assert running.hand.answered == [1]
    assert running.count("records_total", signal="logs", outcome="failed") == 1


def test_the_time_before_it_was_taken_counts(bench: Any, nobody: str):
    """The request timeout begins with the arrival of the request."""
    running = bench(nobody, request_timeout=5)
    running.wait_for_the_cause()
    began = time.monotonic()
    outcome = running.send(Signal.LOGS, samples.logs(), age=4.9)
    assert outcome == Unavailable(Reason.KAFKA_UNREACHABLE, "no Kafka broker can be reached.")
    assert time.monotonic() - began < 2


def test_a_request_that_is_too_old_when_it_is_taken_becomes_no_record(bench: Any, mock_kafka: MockKafka):
    """Its client was told to send again, and a record would be a second one."""
    running = bench(mock_kafka.bootstrap, request_timeout=5)
    identifier = running.hand.put(running.budget, Signal.LOGS, samples.logs(), age=6)
    late = Unavailable(Reason.TIMED_OUT, "Kafka has not acknowledged within 5 s (requestTimeout).")
    assert running.hand.whole_answer(identifier) == Answer(identifier, late)
    assert running.send(Signal.LOGS, samples.logs(text="next")) == Delivered()
    assert [message.value() for message in mock_kafka.read(running.options.logs_topic)] == [samples.logs(text="next")]


def test_requests_of_one_take_are_worked_on_oldest_first(nobody: str):
    """The test uses requests that are answered at once."""
    hand, budget = Hand(), Budget(10_000_000)
    ids = [hand.put(budget, Signal.LOGS, b"\xff") for _ in range(5)]
    running = Bench(Options(brokers=(nobody,)), hand=hand, budget=budget)
    try:
        assert isinstance(running.hand.answer(ids[-1]), Invalid)
        assert running.hand.answered == ids
    finally:
        running.pipeline.stop()


def test_a_record_that_grows_too_old_is_unavailable(bench: Any, nobody: str):
    """librdkafka gives it up before requestTimeout is over."""
    running = bench(nobody, message_timeout_ms=200)
    outcome = running.send(Signal.LOGS, samples.logs())
    assert outcome == Unavailable(Reason.TIMED_OUT, "Kafka did not acknowledge the record in time.")
    running.wait_for_free_budget()


def test_a_full_queue_is_unavailable_at_once(bench: Any, nobody: str):
    """The client sends again; nothing waits."""
    running = bench(nobody, {"queue.buffering.max.messages": "1"})
    running.hand.put(running.budget, Signal.LOGS, samples.logs())
    outcome = running.send(Signal.LOGS, samples.logs())
    message = "the producer's queue is full: Kafka takes less than arrives."
    assert outcome == Unavailable(Reason.QUEUE_FULL, message)
    assert running.budget.taken == CHARGE


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (29, Reason.NOT_AUTHORIZED),
        (10, Reason.TOO_LARGE_FOR_TOPIC),
        (87, Reason.REFUSED_BY_KAFKA),
        (17, Reason.UNKNOWN_TOPIC),
    ],
    ids=["topic authorization", "message too large", "invalid record", "invalid topic"],
)
def test_what_kafka_refuses_is_unavailable_and_the_next_request_is_delivered(
    bench: Any, faulty: librdkafka.Cluster, code: int, reason: Reason
):
    """Only a fault of the payload would be answered otherwise, and Kafka's error codes do not prove one."""
    running = bench(faulty.bootstrap)
    faulty.answer_produce_with(code)
    payload = samples.logs(2)
    answer = running.hand.whole_answer(running.hand.put(running.budget, Signal.LOGS, payload))
    assert isinstance(answer.outcome, Unavailable)
    assert answer.outcome.reason is reason
    assert running.options.logs_topic in answer.outcome.message
    assert answer.items == 2
    assert answer.seconds is not None
    assert running.count("records_total", signal="logs", outcome="failed") == 1
    assert running.count("record_bytes_total", signal="logs", outcome="failed") == len(payload)
    assert running.count("records_total", signal="logs", outcome="delivered") == 0
    wait_until(
        lambda: running.send(Signal.LOGS, samples.logs()) == Delivered(), 10, lambda: "no request was delivered", 0.05
    )
    running.wait_for_free_budget()


def test_what_kafka_refuses_for_a_moment_is_delivered(bench: Any, faulty: librdkafka.Cluster):
    """The client is not told."""
    running = bench(faulty.bootstrap, retry_backoff_ms=10)
    faulty.answer_produce_with(19, 20, 6, 7)
    assert running.send(Signal.TRACES, samples.traces()) == Delivered()


def test_a_request_outlives_a_broker_that_goes_away(bench: Any, faulty: librdkafka.Cluster):
    """It is delivered when the broker comes back."""
    running = bench(faulty.bootstrap, {"reconnect.backoff.max.ms": "100"})
    assert running.send(Signal.TRACES, samples.traces()) == Delivered()
    faulty.set_down()
    identifier = running.hand.put(running.budget, Signal.TRACES, samples.traces())
    faulty.set_up()
    assert running.hand.answer(identifier) == Delivered()


def test_a_fatal_error_is_unavailable_and_the_next_request_is_delivered(bench: Any, mock_kafka: MockKafka):
    """The producer is built anew, without a restart of the process."""
    running = bench(mock_kafka.bootstrap, {"enable.idempotence": "true", "linger.ms": "1000"})
    ids = [running.hand.put(running.budget, Signal.LOGS, samples.logs()) for _ in range(3)]
    running.wait_for_records(3)
    librdkafka.fail_fatally(running.producer._attempt.client)
    rebuilt = Unavailable(Reason.PRODUCER_FAILED, "the connection to Kafka is being built anew.")
    assert [running.hand.answer(identifier) for identifier in ids] == [rebuilt] * 3
    assert running.producer.rebuilds == 1
    assert running.send(Signal.LOGS, samples.logs()) == Delivered()
    running.wait_for_free_budget()


def test_a_bug_of_ours_is_unavailable_and_the_loop_goes_on(bench: Any, mock_kafka: MockKafka, monkeypatch: Any):
    """It is logged; a client that is told UNKNOWN would drop its data."""
    running = bench(mock_kafka.bootstrap)
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "records", lambda *_: 1 / 0)
        outcome = running.send(Signal.LOGS, samples.logs())
    assert outcome == Unavailable(Reason.INTERNAL_ERROR, "the exporter failed over this request; its log says how.")
    assert running.send(Signal.LOGS, samples.logs()) == Delivered()
    running.wait_for_free_budget()


def test_a_bug_while_a_record_is_handed_over_is_a_failed_record(bench: Any, mock_kafka: MockKafka, monkeypatch: Any):
    """The request is answered, its bytes are given back, and the next one is delivered."""
    running = bench(mock_kafka.bootstrap)
    with monkeypatch.context() as patched:
        patched.setattr(running.producer, "produce", lambda *_: 1 / 0)
        outcome = running.send(Signal.LOGS, samples.logs())
    assert outcome == Unavailable(Reason.REFUSED_BY_KAFKA, "Kafka refused the record (_FAIL).")
    running.wait_for_free_budget()
    assert running.send(Signal.LOGS, samples.logs()) == Delivered()


def test_a_bug_while_reports_are_polled_does_not_end_the_loop(bench: Any, mock_kafka: MockKafka, monkeypatch: Any):
    """What was produced meanwhile is delivered."""
    running = bench(mock_kafka.bootstrap)
    failed = threading.Event()

    def fail(_: float) -> list[Any]:
        failed.set()
        raise KeyError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(running.producer, "poll", fail)
        assert failed.wait(5)
    assert running.send(Signal.LOGS, samples.logs()) == Delivered()


def test_the_beat_is_that_of_the_slower_thread(bench: Any, nobody: str, monkeypatch: pytest.MonkeyPatch):
    """The other thread begins a round ten times a second meanwhile."""
    running = bench(nobody)
    end, held = threading.Event(), threading.Event()

    def hold(_: float) -> list[Any]:
        held.set()
        end.wait(20)
        return []

    with monkeypatch.context() as patched:
        patched.setattr(running.producer, "poll", hold)
        assert held.wait(5)
        wait_until(lambda: running.pipeline.oldest_beat() > 0.5, 10, lambda: "the beat goes on", 0.05)
    end.set()
    wait_until(lambda: running.pipeline.oldest_beat() < 0.3, 10, lambda: "the beat does not go on", 0.01)


def test_a_request_that_becomes_several_records_is_answered_when_the_last_is_reported(
    bench: Any, mock_kafka: MockKafka
):
    """It is counted as split, and each of its records."""
    running = bench(mock_kafka.bootstrap, max_message_bytes=5000)
    answer = running.hand.whole_answer(running.hand.put(running.budget, Signal.LOGS, samples.logs(10, "x" * 1000)))
    assert answer.outcome == Delivered()
    assert answer.items == 10
    found = mock_kafka.read(running.options.logs_topic)
    assert len(found) > 2
    running.wait_for_free_budget()
    assert running.count("split_requests_total", signal="logs") == 1
    assert running.count("records_total", signal="logs", outcome="delivered") == len(found)
    size = sum(len(message.value() or b"") for message in found)
    assert running.count("record_bytes_total", signal="logs", outcome="delivered") == size


def test_a_flush_sends_what_lingers(bench: Any, mock_kafka: MockKafka):
    """What Kafka has acknowledged is answered as delivered, also after the stop."""
    running = bench(mock_kafka.bootstrap, linger_ms=5000)
    identifier = running.hand.put(running.budget, Signal.LOGS, samples.logs())
    running.wait_for_records(1)
    began = time.monotonic()
    running.pipeline.flush(10)
    running.pipeline.stop()
    assert time.monotonic() - began < 4
    assert running.hand.answered == [identifier]
    assert running.hand.answer(identifier) == Delivered()


def test_a_stop_answers_what_is_left(bench: Any, nobody: str):
    """Requests that Kafka did not acknowledge, and requests that were not taken yet."""
    running = bench(nobody)
    ids = [running.hand.put(running.budget, Signal.LOGS, samples.logs()) for _ in range(5)]
    running.wait_for_records(5)
    assert [pending.request.payload for pending in running.pipeline._unanswered.values()] == [b""] * 5, "memory"
    running.pipeline.stop()
    message = "the exporter is shutting down and Kafka has not acknowledged yet: send it again."
    assert {running.hand.answer(identifier) for identifier in ids} == {Unavailable(Reason.DRAINING, message)}
    assert sorted(running.hand.answered) == ids


def test_the_beat_goes_on_while_both_threads_live(bench: Any, nobody: str):
    """When one of them has ended, it is infinite: the process must be restarted."""
    running = bench(nobody)
    assert running.pipeline.oldest_beat() < 5
    running.pipeline.stop()
    assert running.pipeline.oldest_beat() == float("inf")


def test_a_pipeline_leaves_no_thread(bench: Any, nobody: str):
    """After its stop."""
    running = bench(nobody)
    running.pipeline.stop()
    assert {thread.name for thread in threading.enumerate()} & {"produce", "deliver"} == set()


def test_what_has_arrived_is_delivered_before_the_end(bench: Any, mock_kafka: MockKafka):
    """Requests that were taken before the stop are answered by Kafka."""
    running = bench(mock_kafka.bootstrap)
    ids = [running.hand.put(running.budget, Signal.LOGS, samples.logs()) for _ in range(50)]
    assert {running.hand.answer(identifier, 10) for identifier in ids} == {Delivered()}
    running.pipeline.stop()
