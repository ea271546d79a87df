"""The Event about a new Ready condition."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kafka_otlp_operator.status.events import transition
from tests.unit.kafka_otlp_operator.resources import resource

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


def condition(status: str = "False", reason: str = "ImagePullFailed", message: str = "No image.") -> dict[str, Any]:
    """A Ready condition."""
    return {"type": "Ready", "status": status, "reason": reason, "message": message}


def told(before: Any, after: Any, now: datetime = NOW) -> Any:
    """The Event when Ready changes from ``before`` to ``after``."""
    conditions = [{"type": "Applied", "status": "True", "reason": "Applied"}, *([before] if before else [])]
    return transition(resource(), {"conditions": conditions}, after, now)


def test_a_repeat_is_no_transition():
    """The same status and reason with another message is no transition."""
    assert told(condition(), condition()) is None
    assert told(condition(), condition(message="Still no image.")) is None


@pytest.mark.parametrize(
    ("before", "after", "type_"),
    [
        (None, condition("Unknown", "NotApplied"), "Normal"),
        (None, condition("False", "RenderFailed"), "Warning"),
        (condition("True", "Available"), condition("False", "RollingOut"), "Normal"),
        (condition("False", "RollingOut"), condition("True", "Available"), "Normal"),
        (condition("False", "RollingOut"), condition("False", "AuthenticationFailed"), "Warning"),
    ],
)
def test_a_transition_is_told(before, after, type_):
    """An Event is a warning when a person has to act."""
    event = told(before, after)
    assert (event["type"], event["reason"], event["message"]) == (type_, after["reason"], "No image.")
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-01T12:30:00Z"


def test_it_is_about_the_resource():
    """kubectl describe finds it by the involved object; two Events never have the same name."""
    event = told(None, condition())
    assert event["metadata"]["namespace"] == "telemetry"
    about = {"apiVersion": "kafka-otlp.dev/v1alpha1", "kind": "KafkaOtlpExporter", "name": "edge", "uid": "uid-1"}
    assert about.items() <= event["involvedObject"].items()
    later = told(None, condition(), NOW + timedelta(microseconds=1))
    assert event["metadata"]["name"] != later["metadata"]["name"]


def test_a_long_message_is_cut_to_what_the_api_server_takes():
    """The API server's limit counts bytes; a character that does not fit is dropped whole."""
    event = told(None, condition(message="x" + "ü" * 1000))
    assert event["message"] == "x" + "ü" * 511
