"""The rules of leader election, on clocks that a test winds."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kafka_otlp_operator.loop.lease import (
    DURATION_SECONDS,
    RENEW_SECONDS,
    RETRY_SECONDS,
    Seen,
    claim,
    first,
    released,
    seen,
)

NOW = datetime(2026, 1, 1, 12, 30, 0, 5, tzinfo=UTC)


def lease(holder: str | None = "one", version: str = "7", **spec: Any) -> dict[str, Any]:
    """A Lease as the API server has it."""
    return {
        "metadata": {"name": "l", "namespace": "n", "resourceVersion": version},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3, **spec},
    }


def test_the_times_of_client_go():
    """A leader stops before another one may start, and has several tries until then."""
    assert (DURATION_SECONDS, RENEW_SECONDS, RETRY_SECONDS) == (15, 10, 2)


def test_a_lease_is_seen_from_its_newest_version_on():
    """By the candidate's own clock, whatever times the Lease has."""
    found = seen(lease(version="7"), None, 100)
    assert found == Seen("7", 100)
    assert seen(lease(version="7", renewTime="1970-01-01T00:00:00.000000Z"), found, 110) == found
    assert seen(lease(version="8"), found, 110) == Seen("8", 110)


@pytest.mark.parametrize(("clock", "taken"), [(100, False), (114.9, False), (115, True)])
def test_a_lease_of_another_is_taken_over_when_it_has_expired(clock: float, taken: bool):
    """Its age when it was first seen does not count."""
    claimed = claim(lease("one"), Seen("7", 100), "two", clock, NOW)
    assert (claimed is not None) == taken


def test_a_lease_lasts_as_long_as_it_says():
    """Another version of the operator may have other times. Without a time in it the Lease lasts as long as ours."""
    assert claim(lease("one", leaseDurationSeconds=60), Seen("7", 100), "two", 159, NOW) is None
    assert claim(lease("one", leaseDurationSeconds=60), Seen("7", 100), "two", 160, NOW) is not None
    assert claim(lease("one", leaseDurationSeconds=None), Seen("7", 100), "two", 114, NOW) is None
    assert claim(lease("one", leaseDurationSeconds=None), Seen("7", 100), "two", 115, NOW) is not None


@pytest.mark.parametrize("holder", ["", None])
def test_what_was_given_back_is_taken_at_once(holder: str | None):
    """This counts as no transition, because its last holder was counted when it took the Lease."""
    claimed: Any = claim(lease(holder), Seen("7", 100), "two", 100, NOW)
    assert claimed["spec"]["holderIdentity"] == "two"
    assert claimed["spec"]["leaseTransitions"] == 3


def test_a_renewal_changes_the_time_alone():
    """Also long after the Lease has expired, if nobody else took it."""
    mine = lease("one", acquireTime="then")
    claimed: Any = claim(mine, Seen("7", 100), "one", 500, NOW)
    assert claimed == {**mine, "spec": {**mine["spec"], "renewTime": "2026-01-01T12:30:00.000005Z"}}


def test_a_takeover_is_counted_and_dated():
    """The other fields of the Lease stay, and its version says which one was read."""
    claimed: Any = claim(lease("one", strategy="x"), Seen("7", 0), "two", 99, NOW)
    assert claimed["metadata"]["resourceVersion"] == "7"
    assert claimed["spec"] == {
        "holderIdentity": "two",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 4,
        "acquireTime": "2026-01-01T12:30:00.000005Z",
        "renewTime": "2026-01-01T12:30:00.000005Z",
        "strategy": "x",
    }


def test_the_first_lease():
    """Without a version, so that only one candidate can create it."""
    made: Any = first("n", "l", "one", NOW)
    assert (made["apiVersion"], made["kind"]) == ("coordination.k8s.io/v1", "Lease")
    assert made["metadata"] == {"name": "l", "namespace": "n"}
    assert (made["spec"]["holderIdentity"], made["spec"]["leaseTransitions"]) == ("one", 0)


def test_a_released_lease_is_free():
    """Every candidate may take it at once; client-go writes the same fields."""
    free = released(lease("one", strategy="x"), NOW)
    assert free == {
        **lease(),
        "spec": {
            "holderIdentity": "",
            "leaseDurationSeconds": 1,
            "leaseTransitions": 3,
            "renewTime": "2026-01-01T12:30:00.000005Z",
            "strategy": "x",
        },
    }
    assert claim(free, Seen("8", 100), "two", 100, NOW) is not None
