"""Merges the statuses of several workers into the status of one process. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Status = Mapping[str, Any]

_SUMS = ("inFlightBytes", "maxInFlightBytes", "openCalls", "waitingCalls")
_LATEST = ("credentialsChanged",)

_NONE_STARTED = {
    "connected": False,
    "reason": "Connecting",
    "message": "no worker has started yet.",
    "producerRebuilds": 0,
}


def status(reports: Sequence[Status], own: Status) -> Status:
    """One status out of the workers' statuses. The fields in ``own``, of the supervisor, replace those of the workers.

    A field that has no rule here comes from the first worker.
    """
    merged: dict[str, Any] = dict(reports[0]) if reports else {}
    for name in _SUMS:
        merged[name] = sum(report.get(name, 0) for report in reports)
    for name in _LATEST:
        merged[name] = max((report[name] for report in reports if report.get(name)), default=None)
    failures = [report["lastFailure"] for report in reports if report.get("lastFailure")]
    merged["lastFailure"] = max(failures, key=lambda failure: str(failure["time"]), default=None)
    merged["kafka"] = _kafka([report["kafka"] for report in reports])
    return {**merged, **own}


def _kafka(connections: Sequence[Status]) -> Status:
    """The worst connection. One with a known failure says more than one that is still connecting."""
    if not connections:
        return _NONE_STARTED
    worst = min(connections, key=lambda one: (one["connected"], one["reason"] == "Connecting"))
    return {**worst, "producerRebuilds": sum(one["producerRebuilds"] for one in connections)}
