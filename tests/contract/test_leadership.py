"""Two operators, each a process of its own, and one Lease on a real API server."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.operator_bed import Namespace, Operator, until

pytestmark = pytest.mark.kubernetes

TAKEOVER_SECONDS = 20


@pytest.fixture(scope="module", autouse=True)
def alone(_operator: Operator) -> Iterator[None]:
    """The operator of the other tests rests."""
    with _operator.resting():
        yield


@pytest.fixture
def two(namespace: Namespace, tmp_path: Path) -> Iterator[tuple[Operator, Operator]]:
    """A leader and a standby, at work in the namespace, where their Lease is too."""
    lease = {"KAFKA_OTLP_OPERATOR_LEASE_NAMESPACE": namespace.name}
    candidates = [
        Operator(namespace.api, tmp_path / name, "--namespace", namespace.name, environment=lease)
        for name in ("one", "two")
    ]
    try:
        for candidate in candidates:
            candidate.begin()
        until(lambda: any(acts(candidate) for candidate in candidates), "leader", 60)
        leader, standby = sorted(candidates, key=acts, reverse=True)
        until(lambda: leader.get("/readyz") == (200, "ok\n"), "leader that is ready")
        until(lambda: standby.get("/readyz") == (200, f"standby: {holder(namespace)} leads\n"), "standby", 60)
        yield leader, standby
    finally:
        for candidate in candidates:
            candidate.kill()


def acts(candidate: Operator) -> bool:
    """Whether its metrics say that it leads."""
    return "kafka_otlp_operator_leader 1.0" in candidate.get("/metrics")[1]


def holder(namespace: Namespace) -> str:
    """The identity of the one that holds the Lease."""
    found: str = namespace.get("lease", "kafka-otlp-operator")["spec"]["holderIdentity"]
    return found


def writes(candidate: Operator) -> int:
    """How often it has written to the API server; the reviews of its own rights do not count."""
    lines = candidate.get("/metrics")[1].splitlines()
    counted = [line for line in lines if line.startswith("kafka_otlp_operator_api_requests_total{")]
    return sum(
        int(float(line.split()[-1])) for line in counted if 'method="PATCH"' in line or 'method="DELETE"' in line
    )


def linger(namespace: Namespace, milliseconds: int) -> None:
    """Change the resource, and wait until the change is there."""
    namespace.apply({"lingerMs": milliseconds})

    def there() -> bool:
        return namespace.exists("deployment") and f'"value": "{milliseconds}"' in json.dumps(
            namespace.get("deployment")
        )

    until(there, f"lingerMs {milliseconds} in the Deployment", TAKEOVER_SECONDS + 5)


def test_one_acts_and_the_other_one_is_ready_to(two: tuple[Operator, Operator], namespace: Namespace) -> None:
    """The standby is ready, names the leader, and writes nothing at all."""
    leader, standby = two
    assert leader.get("/readyz") == (200, "ok\n")
    assert standby.get("/readyz") == (200, f"standby: {holder(namespace)} leads\n")
    linger(namespace, 7)
    namespace.settle()
    assert (acts(leader), acts(standby)) == (True, False)
    assert writes(leader) > 0
    assert writes(standby) == 0


def test_a_leader_that_is_killed_is_followed(two: tuple[Operator, Operator], namespace: Namespace) -> None:
    """Within 20 seconds, and the work goes on."""
    leader, standby = two
    linger(namespace, 7)
    leader.kill()
    until(lambda: acts(standby), "takeover", TAKEOVER_SECONDS)
    linger(namespace, 8)


def test_a_leader_that_is_stopped_gives_the_lease_back(two: tuple[Operator, Operator], namespace: Namespace) -> None:
    """The standby need not wait until the Lease expires. A standby that is stopped ends just as well."""
    leader, standby = two
    assert leader.stop() == 0
    until(lambda: acts(standby), "takeover", 5)
    leader.start()
    assert leader.get("/readyz")[1].startswith("standby: ")
    assert leader.stop() == 0
    assert acts(standby)


def test_a_leader_that_sleeps_wakes_up_as_nobody(two: tuple[Operator, Operator], namespace: Namespace) -> None:
    """It finds that another one leads, writes nothing any more, and ends in order to come back as the standby."""
    leader, standby = two
    linger(namespace, 7)
    leader.process.signal(signal.SIGSTOP)
    try:
        until(lambda: acts(standby), "takeover", TAKEOVER_SECONDS)
        linger(namespace, 8)
    finally:
        leader.process.signal(signal.SIGCONT)
    assert leader.process.wait(20) == 1
    assert "the process ends, to come back as a standby" in leader.log.read_text()
    namespace.settle()
    linger(namespace, 9)
    assert acts(standby)
