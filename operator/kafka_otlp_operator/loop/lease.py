"""The rules of leader election: what a Lease says, and what a candidate may write into it. Pure.

The rules are those of client-go's leader election
(https://pkg.go.dev/k8s.io/client-go/tools/leaderelection). A candidate trusts only its own clock. It takes a Lease over only
after it has itself seen the Lease unchanged for as long as the Lease lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Lease = Mapping[str, Any]

DURATION_SECONDS = 15  # client-go's LeaseDuration: how long a silent leader keeps the Lease
RENEW_SECONDS = 10.0  # its RenewDeadline: how long a leader that cannot renew may still act
RETRY_SECONDS = 2.0  # its RetryPeriod


@dataclass(frozen=True)
class Seen:
    """The version of a Lease, and since when the candidate has seen this version, in seconds of its own clock."""

    version: str
    since: float


def seen(lease: Lease, before: Seen | None, clock: float) -> Seen:
    """What a candidate sees now, after ``before``. Each renewal gives the Lease another version."""
    version = str(lease["metadata"].get("resourceVersion", ""))
    return before if before is not None and before.version == version else Seen(version, clock)


def holder(lease: Lease) -> str:
    """The identity of the holder; empty when the Lease is free."""
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def claim(lease: Lease, found: Seen, identity: str, clock: float, now: datetime) -> Lease | None:
    """The Lease that ``identity`` writes to renew it or to take it over; None when another candidate holds it.

    ``clock`` is the candidate's clock, as in ``found``. ``now`` is written into the Lease.
    """
    spec = lease.get("spec") or {}
    current = holder(lease)
    lasts = float(spec.get("leaseDurationSeconds") or DURATION_SECONDS)
    if current not in {"", identity} and clock < found.since + lasts:
        return None
    time = _time(now)
    mine = {"holderIdentity": identity, "leaseDurationSeconds": DURATION_SECONDS, "renewTime": time}
    if current != identity:
        mine |= {"acquireTime": time, "leaseTransitions": int(spec.get("leaseTransitions") or 0) + bool(current)}
    return {**lease, "spec": {**spec, **mine}}


def first(namespace: str, name: str, identity: str, now: datetime) -> Lease:
    """The Lease that ``identity`` creates when there is none."""
    empty = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
    }
    claimed = claim(empty, Seen("", 0), identity, 0, now)
    if claimed is None:
        raise AssertionError("a Lease that does not exist yet has no holder")
    return claimed


def released(lease: Lease, now: datetime) -> Lease:
    """The same Lease without a holder, so that the next candidate can take it at once."""
    given_back = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _time(now)}
    return {**lease, "spec": {**lease["spec"], **given_back}}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
