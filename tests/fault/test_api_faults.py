"""The API server refuses, fails or does not answer: the operator still does its work, and does not hot-loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.beds.api_proxy import Answer, ApiProxy, Call, Dropped
from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import Namespace, Operator, applied, until
from tests.fault.conftest import FULL
from tests.fault.objects import snapshot

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(2400)]

SPEC: Mapping[str, Any] = {"replicas": 0, "podDisruptionBudget": {}, "networkPolicy": {}}
# What the API server answers to every call, and for how many seconds. None: it does not answer.
OUTAGES: Mapping[str, tuple[Answer | None, int]] = {
    "away": (None, 1800 if FULL else 6),
    "too many requests": (Answer.failure(429, "later", Retry_After="1"), 60 if FULL else 6),
    "broken": (Answer.failure(500, "etcd has gone"), 60 if FULL else 6),
}
# All watches, a reconcile and the resync are tried again, each a few times a second at most in the beginning.
CALLS_PER_SECOND = 20
# 0: the API server does the write, but its answer is lost.
FAULTS = (409, 429, 500, 503, 0)


@pytest.fixture
def proxied(api: ApiServer, proxy: ApiProxy, tmp_path: Path) -> Iterator[Operator]:
    """An operator behind the proxy."""
    with Operator(api, tmp_path / "log", kubeconfig=proxy.kubeconfig) as running:
        yield running


class FailOnce:
    """Each write into a namespace fails the first time, with the fault that ``faults`` has for the namespace."""

    def __init__(self, faults: Mapping[str, int]) -> None:
        self._faults = faults
        self._failed: set[tuple[str, str, bool]] = set()
        self.failures: Counter[int] = Counter()

    def before(self, call: Call) -> Answer | None:
        """The answer in the API server's place."""
        fault = self._first(call, answered=False)
        return Answer.failure(fault, "not now", Retry_After="1") if fault else None

    def after(self, call: Call) -> None:
        """Drop the answer, when that is the fault."""
        if self._first(call, answered=True) is not None:
            raise Dropped

    def _first(self, call: Call, *, answered: bool) -> int | None:
        place = next((name for name in self._faults if f"/namespaces/{name}/" in call.path), None)
        if place is None or not call.write or (self._faults[place] == 0) != answered:
            return None
        if (call.method, call.path, answered) in self._failed:
            return None
        self._failed.add((call.method, call.path, answered))
        self.failures[self._faults[place]] += 1
        return self._faults[place]


def test_what_fails_once_is_made_good(api: ApiServer, proxy: ApiProxy, proxied: Operator) -> None:
    """After conflicts, too many requests, errors and lost answers the objects are those of an undisturbed resource."""
    places = {fault: Namespace(api) for fault in FAULTS}
    undisturbed = Namespace(api)
    faults = FailOnce({place.name: fault for fault, place in places.items()})
    proxy.before, proxy.after = faults.before, faults.after
    for place in (undisturbed, *places.values()):
        place.apply(dict(SPEC))
    applied(undisturbed)
    undisturbed.settle()
    reference = snapshot(undisturbed)
    for fault, place in places.items():
        until(lambda place=place: alike(place, reference), f"the same objects after {fault}", 60)  # type: ignore[misc]
    assert all(faults.failures[fault] >= 5 for fault in FAULTS), faults.failures
    assert len(proxy.writes) < 200
    assert 'result="crashed"' not in proxied.get("/metrics")[1]


def alike(place: Namespace, reference: Mapping[str, Any]) -> bool:
    """Whether there is a status, and all objects are as in the undisturbed namespace."""
    return "conditions" in place.get("koe").get("status", {}) and snapshot(place) == reference


@pytest.mark.parametrize("kind", OUTAGES)
def test_an_api_server_that_is_away_is_waited_for(
    api: ApiServer, proxy: ApiProxy, proxied: Operator, kind: str
) -> None:
    """The operator stays alive and is not restarted. Within 15 seconds it makes the change that came meanwhile."""
    answer, seconds = OUTAGES[kind]
    place = Namespace(api)
    place.apply(dict(SPEC))
    applied(place)
    pid = proxied.process.pid

    def refuse(call: Call) -> Answer:
        if answer is None:
            raise Dropped
        return answer

    proxy.before = refuse
    proxy.cut()
    place.apply({**SPEC, "lingerMs": 7})
    before = len(proxy.calls)
    with pytest.raises(AssertionError, match="no status"):
        applied(place, seconds=seconds)
    assert len(proxy.calls) - before < CALLS_PER_SECOND * seconds
    print(f"{kind}: {len(proxy.calls) - before} calls in {seconds} s")
    assert proxied.get("/livez") == (200, "ok\n")
    proxy.reset()
    applied(place, seconds=15)
    assert proxied.process.pid == pid
    assert proxied.process.running
