"""Requests while brokers freeze or are away, with a real producer and librdkafka's mock cluster."""

from __future__ import annotations

from typing import Any

from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Delivered, Reason, Unavailable
from tests.beds import records
from tests.unit.kafka_otlp_exporter import librdkafka, samples


def test_a_leader_that_freezes_is_left_for_the_new_one_within_the_request_timeout(bench: Any):
    """The old leader keeps its connection and is silent; the client is answered OK all the same."""
    with librdkafka.cluster(brokers=2) as kafka:
        kafka.create_topic("frozen", leader=1)
        running = bench(kafka.bootstrap, logs_topic="frozen", request_timeout=8)
        assert running.send(Signal.LOGS, samples.logs()) == Delivered()
        kafka.freeze(1)
        identifier = running.hand.put(running.budget, Signal.LOGS, samples.logs(text="waits"))
        running.wait_for_records(1)
        kafka.set_leader("frozen", 2)
        assert running.hand.answer(identifier, 20) == Delivered()
        found = records.read({"bootstrap.servers": kafka.bootstrap}, "frozen", 2, 30)
        assert samples.logs(text="waits") in [message.value() for message in found]


def test_the_attempts_of_a_client_during_an_outage_leave_no_copies(bench: Any, faulty: librdkafka.Cluster):
    """A client that is told to send again does so; what it was told about is not written when Kafka is back."""
    running = bench(faulty.bootstrap, {"reconnect.backoff.max.ms": "100"}, request_timeout=0.5, logs_topic="outage")
    first = running.send(Signal.LOGS, samples.logs(text="before"))
    assert first == Delivered()
    faulty.set_down()
    told = [running.send(Signal.LOGS, samples.logs(text="again and again")) for _ in range(3)]
    reasons = [outcome.reason for outcome in told if isinstance(outcome, Unavailable)]
    assert len(reasons) == 3
    # Brokers close idle connections, so Kafka counts as away a little later.
    assert set(reasons) <= {Reason.TIMED_OUT, Reason.KAFKA_UNREACHABLE}
    running.wait_for_records(0)
    faulty.set_up()
    while not isinstance(running.send(Signal.LOGS, samples.logs(text="after")), Delivered):
        pass
    found = [message.value() for message in records.read({"bootstrap.servers": faulty.bootstrap}, "outage", None, 30)]
    assert samples.logs(text="again and again") not in found
    assert samples.logs(text="after") in found


def test_a_request_that_a_connected_kafka_does_not_answer_is_told_so(bench: Any):
    """The broker keeps its connection and is silent: nothing but the time is known."""
    with librdkafka.cluster() as kafka:
        running = bench(kafka.bootstrap, request_timeout=1)
        assert running.send(Signal.LOGS, samples.logs()) == Delivered()
        kafka.freeze(1)
        outcome = running.send(Signal.LOGS, samples.logs())
        assert outcome == Unavailable(Reason.TIMED_OUT, "Kafka has not acknowledged within 1 s (requestTimeout).")
