"""One reconcile as a worker runs it: what is counted, logged and returned."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import structlog

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import ApiError, Conflict, Forbidden
from kafka_otlp_operator.loop.attempt import attempt
from kafka_otlp_operator.loop.metrics import Metrics
from kafka_otlp_operator.reconcile import Result

EDGE = Key("telemetry", "edge")
READY = {"type": "Ready", "status": "False", "reason": "KafkaUnreachable", "message": "Kafka is away."}


def counted(metrics: Metrics) -> Mapping[str, float]:
    """The samples that are not 0, without times, by name and label."""
    return {
        " ".join([sample.name.removeprefix("kafka_otlp_operator_"), *sample.labels.values()]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.value and not sample.name.endswith(("_created", "_bucket", "_sum"))
    }


def run(result: Result | Exception) -> tuple[Result, Mapping[str, float], Sequence[Mapping[str, Any]]]:
    """One attempt that comes to this result, or raises this: what it returned, counted and logged."""

    def reconcile() -> Result:
        if isinstance(result, Exception):
            raise result
        return result

    metrics = Metrics()
    with structlog.testing.capture_logs() as lines:
        returned = attempt(reconcile, EDGE, metrics)
    return returned, counted(metrics), lines


def test_one_that_finds_nothing_to_do() -> None:
    """It is counted, and says nothing: the condition was told before."""
    result = Result(READY)
    assert run(result) == (result, {"reconciles_total done": 1, "reconcile_seconds_count": 1}, [])


def test_one_that_writes_a_status() -> None:
    """The new condition is logged."""
    result = Result(READY, told=True)
    line = {"namespace": "telemetry", "name": "edge", "ready": "False", "reason": "KafkaUnreachable"}
    assert run(result) == (
        result,
        {"reconciles_total done": 1, "reconcile_seconds_count": 1, "status_writes_total": 1},
        [{"event": "status", "log_level": "info", "message": "Kafka is away.", **line}],
    )


def test_an_event_that_could_not_be_posted() -> None:
    """It is counted and logged, and nothing fails."""
    result = Result(untold=Forbidden("events are forbidden"))
    line = {"namespace": "telemetry", "name": "edge", "reason": "events are forbidden"}
    assert run(result) == (
        result,
        {"reconciles_total done": 1, "reconcile_seconds_count": 1, "events_unposted_total": 1},
        [{"event": "event not posted", "log_level": "warning", **line}],
    )


@pytest.mark.parametrize("raised", [True, False], ids=["raised", "returned"])
def test_a_failure_is_counted_by_its_kind(*, raised: bool) -> None:
    """Whether the reconcile could write it into the status or not."""
    error: ApiError = Conflict("changed")
    returned, counts, lines = run(error if raised else Result(failure=error))
    assert returned == Result(failure=error)
    assert counts == {"reconciles_total failed": 1, "failures_total Conflict": 1, "reconcile_seconds_count": 1}
    assert lines == []


def test_a_bug_is_logged_with_its_trace() -> None:
    """And the resource is tried again: the failure names the error."""
    returned, counts, (line,) = run(ZeroDivisionError("division by zero"))
    assert str(returned.failure) == "ZeroDivisionError: division by zero"
    assert counts == {"reconciles_total crashed": 1, "reconcile_seconds_count": 1}
    assert (line["event"], line["resource"], line["exc_info"]) == ("reconcile crashed", "telemetry/edge", True)


def test_the_time_that_a_reconcile_took_is_counted() -> None:
    """It is the time between begin and end, and no point in time: shorter than the process has been there to measure it."""
    metrics, begun = Metrics(), time.monotonic()
    attempt(Result, EDGE, metrics)
    sums = [one.value for family in metrics.registry.collect() for one in family.samples if one.name.endswith("_sum")]
    assert len(sums) == 1
    assert 0 <= sums[0] <= time.monotonic() - begun
