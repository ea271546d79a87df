"""The status of several workers as one."""

from typing import Any

from kafka_otlp_exporter.telemetry import reports


def kafka(reason: str = "Connected", message: str = "", rebuilds: int = 0) -> dict[str, Any]:
    """A worker's connection."""
    return {
        "connected": reason == "Connected",
        "reason": reason,
        "message": message,
        "producerRebuilds": rebuilds,
    }


def report(connection: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    """A worker's status."""
    return {
        "kafka": connection or kafka(),
        "inFlightBytes": 0,
        "lastFailure": None,
        "credentialsChanged": None,
        **given,
    }


def test_bytes_and_calls_are_added_up():
    """A field without a rule comes from the first worker."""
    one = report(inFlightBytes=3, maxInFlightBytes=10, openCalls=1, waitingCalls=1, topics={"logs": "a"})
    other = report(inFlightBytes=4, maxInFlightBytes=10, openCalls=2, waitingCalls=0)
    merged = reports.status([one, other], {})
    assert [merged[name] for name in ("inFlightBytes", "maxInFlightBytes", "openCalls", "waitingCalls")] == [
        7,
        20,
        3,
        1,
    ]
    assert merged["topics"] == {"logs": "a"}


def test_the_worst_connection_is_shown():
    """A known failure goes before one that is still connecting; rebuilds are added up."""
    unreachable = kafka("KafkaUnreachable", "no.", rebuilds=2)
    merged = reports.status([report(kafka(rebuilds=1)), report(kafka("Connecting")), report(unreachable)], {})
    assert merged["kafka"] == {**unreachable, "producerRebuilds": 3}
    assert reports.status([report(), report(kafka("Connecting"))], {})["kafka"]["reason"] == "Connecting"
    assert reports.status([report(), report()], {})["kafka"]["connected"]


def test_the_latest_failure_and_change_are_shown():
    """Of any worker."""
    early, late = ({"time": f"2026-01-01T00:00:0{second}.000+00:00", "reason": "TimedOut"} for second in (1, 2))
    merged = reports.status(
        [report(lastFailure=late), report(), report(lastFailure=early, credentialsChanged="2026-01-01")], {}
    )
    assert (merged["lastFailure"], merged["credentialsChanged"]) == (late, "2026-01-01")


def test_what_the_supervisor_knows_goes_first():
    """A worker that drains has its own state."""
    assert reports.status([report(state="serving")], {"state": "draining"})["state"] == "draining"


def test_before_a_worker_has_started_kafka_is_not_connected():
    """The operator reads these three fields."""
    merged = reports.status([], {"workers": []})
    assert merged["kafka"] == {
        "connected": False,
        "reason": "Connecting",
        "message": "no worker has started yet.",
        "producerRebuilds": 0,
    }
    assert (merged["inFlightBytes"], merged["lastFailure"]) == (0, None)
