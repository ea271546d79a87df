"""Requests whose records need more memory than they do, with a real producer and a receiver that a test controls."""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from kafka_otlp_exporter.flow import pipeline
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Delivered, Reason, Unavailable
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import wait_until


def spread(traces: int, resource: int = 0) -> bytes:
    """So many log records, each of a trace of its own, in a resource of so many bytes."""
    request = ExportLogsServiceRequest()
    one = request.resource_logs.add()
    one.resource.attributes.add(key="fat").value.string_value = "x" * resource
    scope = one.scope_logs.add()
    for number in range(traces):
        scope.log_records.add(trace_id=(number + 1).to_bytes(16, "big"))
    return request.SerializeToString()


def test_what_records_have_more_than_their_request_is_charged_until_kafka_has_it(bench: Any, nobody: str):
    """Each record repeats the resource."""
    running = bench(nobody, partition_logs_by_trace_id=True, message_timeout_ms=1000)
    identifier = running.hand.put(running.budget, Signal.LOGS, spread(50, resource=10_000))
    running.wait_for_records(50)
    assert 50 * (10_000 + 1024) < running.budget.taken < 50 * (10_300 + 1024)
    message = "Kafka did not acknowledge the record in time."
    assert running.hand.answer(identifier) == Unavailable(Reason.TIMED_OUT, message)
    running.wait_for_free_budget()


def test_records_that_there_is_no_room_for_are_unavailable_and_none_is_produced(
    bench: Any, mock_kafka: MockKafka, monkeypatch: pytest.MonkeyPatch
):
    """The request waits for room first. Everything is given back, and the next request is delivered."""
    monkeypatch.setattr(pipeline, "GROWTH_SECONDS", 0.3)
    running = bench(mock_kafka.bootstrap, partition_logs_by_trace_id=True)
    held = running.budget.total - 100_000
    assert running.budget.take(held)
    began = time.monotonic()
    outcome = running.send(Signal.LOGS, spread(50, resource=10_000))
    assert time.monotonic() - began >= 0.3
    assert isinstance(outcome, Unavailable)
    assert outcome.reason is Reason.MEMORY_BUDGET_FULL
    assert "larger than the request" in outcome.message
    wait_until(lambda: running.budget.taken == held, 5, lambda: "bytes are still taken", 0.01)
    running.wait_for_records(0)
    assert running.send(Signal.LOGS, spread(5)) == Delivered()
    running.budget.give(held)
    assert running.send(Signal.LOGS, spread(50, resource=10_000)) == Delivered()
    running.wait_for_free_budget()


def test_records_wait_for_room_that_kafka_makes(bench: Any, mock_kafka: MockKafka):
    """They are delivered when bytes are given back."""
    running = bench(mock_kafka.bootstrap, partition_logs_by_trace_id=True)
    held = running.budget.total - 100_000
    assert running.budget.take(held)
    identifier = running.hand.put(running.budget, Signal.LOGS, spread(50, resource=10_000))
    wait_until(lambda: running.budget.contended, 10, lambda: "it does not wait", 0.001)
    running.budget.give(held)
    assert running.hand.answer(identifier) == Delivered()
    running.wait_for_free_budget()


def test_a_stop_does_not_wait_for_room(bench: Any, nobody: str, monkeypatch: pytest.MonkeyPatch):
    """The request is answered, and the thread ends."""
    monkeypatch.setattr(pipeline, "GROWTH_SECONDS", 60)
    running = bench(nobody, partition_logs_by_trace_id=True)
    assert running.budget.take(running.budget.total - 100_000)
    identifier = running.hand.put(running.budget, Signal.LOGS, spread(50, resource=10_000))
    wait_until(lambda: running.budget.contended, 10, lambda: "it does not wait", 0.001)
    running.pipeline.stop()
    outcome = running.hand.answer(identifier)
    assert isinstance(outcome, Unavailable)
    assert outcome.reason is Reason.MEMORY_BUDGET_FULL
    assert not any(thread.is_alive() for thread in running.pipeline._threads)
