"""Who of several operators acts: what a Lease says, and what may be written into it. Pure; ``leadership`` reads and writes.

The rules are those of client-go's leader election
(https://pkg.go.dev/k8s.io/client-go/tools/leaderelection): a candidate trusts no clock but its own, and takes a Lease over
only when it has itself seen it unchanged for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Lease = Mapping[str, Any]

DURATION_SECONDS = 15  # client-go's LeaseDuration: how long a leader that says nothing is believed in
RENEW_SECONDS = 10.0  # its RenewDeadline: how long a leader that cannot renew still acts
RETRY_SECONDS = 2.0  # its RetryPeriod


@dataclass(frozen=True)
class Seen:
    """A Lease as it was found, and since when it has been like that, in seconds of the candidate's own clock."""

    version: str
    since: float


def seen(lease: Lease, before: Seen | None, clock: float) -> Seen:
    """What is seen of a Lease now, after what was seen ``before``; each renewal gives it another version."""
    version = str(lease["metadata"].get("resourceVersion", ""))
    return before if before is not None and before.version == version else Seen(version, clock)


def holder(lease: Lease) -> str:
    """Who holds it; empty when nobody does."""
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def claim(lease: Lease, found: Seen, identity: str, clock: float, now: datetime) -> Lease | None:
    """The Lease as ``identity`` is to write it, to renew it or to take it over; None when it is another's to hold.

    ``clock`` is the clock of ``found``, ``now`` what others read in the Lease.
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
    """The Lease where there has been none."""
    empty = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
    }
    claimed = claim(empty, Seen("", 0), identity, 0, now)
    if claimed is None:
        raise AssertionError("nobody holds a Lease that there has not been")
    return claimed


def released(lease: Lease, now: datetime) -> Lease:
    """The same, free for the next one to take at once."""
    given_back = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _time(now)}
    return {**lease, "spec": {**lease["spec"], **given_back}}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
