"""Events that are lost, come twice, late, or from before, and watches that end or fall silent: the objects are right in the end.

The patterns are Sieve's "unobserved state" and "stale state" (https://www.usenix.org/conference/osdi22/presentation/sun).
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.beds.api_proxy import Answer, ApiProxy, Call, Dropped
from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import RESOURCE, Namespace, Operator, applied, until
from tests.fault.conftest import FULL
from tests.fault.objects import snapshot

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]

SPEC: Mapping[str, Any] = {"replicas": 0, "podDisruptionBudget": {}, "networkPolicy": {}}
GONE = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "reason": "Expired",
    "code": 410,
    "message": "too old",
}
RESYNC_SECONDS = 10 if FULL else 4
# After so many seconds kopf gives up a watch that is silent; the operator's own limit takes `make fault` to wait for.
PATIENCE_SECONDS = 70 if FULL else 6


class Behind:
    """An operator behind the proxy."""

    def __init__(self, api: ApiServer, proxy: ApiProxy, log: Path, running: ExitStack) -> None:
        self._api, self._proxy, self._log, self._running = api, proxy, log, running

    def start(self, resync_seconds: int, module: str = "kafka_otlp_operator", **environment: str) -> None:
        """Start it with this time between two resyncs, and wait until it is ready."""
        settings = {"KAFKA_OTLP_OPERATOR_RESYNC_SECONDS": str(resync_seconds), **environment}
        operator = Operator(
            self._api, self._log, kubeconfig=self._proxy.kubeconfig, environment=settings, module=module
        )
        self._running.enter_context(operator)
        self._running.callback(self._has_not_crashed, operator)

    def _has_not_crashed(self, operator: Operator) -> None:
        assert 'result="crashed"' not in operator.get("/metrics")[1]


@pytest.fixture
def behind(api: ApiServer, proxy: ApiProxy, tmp_path: Path) -> Iterator[Behind]:
    """One operator, which is stopped in the end."""
    with ExitStack() as running:
        yield Behind(api, proxy, tmp_path / "log", running)


class Unreliable:
    """Some events of a namespace are lost, some come twice, some come after the next one; the same ones in each run."""

    def __init__(self, namespace: Namespace) -> None:
        self._name = namespace.name.encode()
        self._random = random.Random(1)
        self._held: dict[int, bytes] = {}
        self.happened: Counter[str] = Counter()

    def __call__(self, call: Call, line: bytes) -> Sequence[bytes]:
        """The lines that are passed on in place of an event."""
        if self._name not in line:
            return [line]
        held = [late] if (late := self._held.pop(id(call), None)) is not None else []
        what = self._random.choice(("lost", "lost", "twice", "late", "none"))
        self.happened[what] += 1
        if what == "late":
            self._held[id(call)] = line
        return [*{"lost": [], "twice": [line, line], "late": [], "none": [line]}[what], *held]


def test_events_that_are_lost_doubled_or_out_of_order(api: ApiServer, proxy: ApiProxy, behind: Behind) -> None:
    """The resync makes up for them: the objects are those of an undisturbed resource."""
    disturbed, undisturbed = Namespace(api), Namespace(api)
    unreliable = proxy.watched = Unreliable(disturbed)
    behind.start(RESYNC_SECONDS)
    for number in range(12):
        for place in (disturbed, undisturbed):
            place.apply({**SPEC, "lingerMs": number})
            if number % 3 == 2:
                place.kubectl("delete", "service,networkpolicy", "edge", "--ignore-not-found")
    applied(undisturbed)
    until(lambda: all(undisturbed.exists(kind) for kind in ("service", "networkpolicy")), "repair of the last deletion")
    undisturbed.settle()
    reference = snapshot(undisturbed)
    until(lambda: alike(disturbed, reference), "the same objects", RESYNC_SECONDS + 10)
    assert all(unreliable.happened[what] >= 3 for what in ("lost", "twice", "late")), unreliable.happened


def alike(place: Namespace, reference: Mapping[str, Any]) -> bool:
    """Whether there is a status, and all objects are as in the undisturbed namespace."""
    return "conditions" in place.get(RESOURCE).get("status", {}) and snapshot(place) == reference


def test_a_watch_that_is_too_old_begins_again(api: ApiServer, proxy: ApiProxy, behind: Behind) -> None:
    """The API server has forgotten the version (410): the operator finds what changed meanwhile, long before a resync."""
    place = Namespace(api)
    behind.start(3600)
    place.apply(dict(SPEC))
    applied(place)
    ended: set[int] = set()
    open_ones = {id(call) for call in proxy.calls if call.watch}

    def too_old(call: Call, line: bytes) -> Sequence[bytes]:
        if id(call) not in open_ones:
            return [line]
        if id(call) in ended:
            raise Dropped
        ended.add(id(call))
        return [json.dumps({"type": "ERROR", "object": GONE}).encode() + b"\n"]

    proxy.watched = too_old
    place.apply({**SPEC, "lingerMs": 7})
    place.kubectl("delete", "networkpolicy", "edge")
    applied(place)
    until(lambda: place.exists("networkpolicy"), "the policy again")
    assert len(ended) >= 2


def test_a_kind_that_is_not_served_for_a_while_ends_nothing(api: ApiServer, proxy: ApiProxy, behind: Behind) -> None:
    """As when a definition is deleted: the watch of that kind begins again, and the others go on meanwhile."""
    place = Namespace(api)
    place.apply(dict(SPEC))
    behind.start(3600)
    applied(place)
    refused: list[Call] = []

    def not_served(call: Call) -> Answer | None:
        if not call.path.endswith("/poddisruptionbudgets"):
            return None
        refused.append(call)
        return Answer.failure(404, "the server could not find the requested resource")

    proxy.before = not_served
    proxy.cut()
    until(lambda: len(refused) >= 3, "watch that is not served")
    place.kubectl("delete", "networkpolicy", "edge")
    until(lambda: place.exists("networkpolicy"), "NetworkPolicy again")
    place.kubectl("delete", "poddisruptionbudget", "edge")
    proxy.reset()
    until(lambda: place.exists("poddisruptionbudget"), "PodDisruptionBudget again")


def test_a_watch_that_falls_silent_is_given_up(api: ApiServer, proxy: ApiProxy, behind: Behind) -> None:
    """The connection stays open, and no line comes any more: a new watch shows what happened, long before a resync."""
    place = Namespace(api)
    if FULL:
        behind.start(3600)
    else:
        behind.start(3600, "tests.fault.impatient", PATIENCE_SECONDS=str(PATIENCE_SECONDS))
    place.apply(dict(SPEC))
    applied(place)
    place.settle()
    withheld: list[tuple[Call, bytes]] = []

    def withhold(call: Call, line: bytes) -> Sequence[bytes]:
        if place.name.encode() not in line:
            return [line]
        withheld.append((call, line))
        return []

    def lost() -> set[str]:
        return {call.path.rpartition("/")[2] for call, line in withheld}

    proxy.watched = withhold
    place.apply({**SPEC, "lingerMs": 7})
    place.kubectl("delete", "networkpolicy", "edge")
    until(lambda: {"kafkaotlpexporters", "networkpolicies"} <= lost(), "events that are withheld")
    silent = {id(call) for call, _ in withheld}
    proxy.watched = lambda call, line: [] if id(call) in silent else [line]
    assert not place.exists("networkpolicy")
    until(lambda: place.exists("networkpolicy"), "the policy again", PATIENCE_SECONDS + 5)
    applied(place)
    assert any(b'"DELETED"' in line for _, line in withheld)


def test_events_of_an_earlier_resource_change_nothing(api: ApiServer, proxy: ApiProxy, behind: Behind) -> None:
    """An old API server sends the events of a deleted resource again: the newer one keeps its objects, and they are not set back."""
    place = Namespace(api)
    told: list[tuple[str, bytes]] = []

    def remember(call: Call, line: bytes) -> Sequence[bytes]:
        if place.name.encode() in line:
            told.append((call.path, line))
        return [line]

    proxy.watched = remember
    behind.start(RESYNC_SECONDS)
    place.apply({**SPEC, "lingerMs": 5})
    applied(place)
    place.settle()
    place.kubectl("delete", RESOURCE, "edge")
    until(lambda: not place.exists("deployment"), "end of the earlier one")
    place.apply({**SPEC, "lingerMs": 6})
    applied(place)
    place.settle()
    earlier = list(told)
    before = {kind: place.get(kind)["metadata"]["uid"] for kind in ("deployment", "service", "networkpolicy")}
    spec = place.get("deployment")["spec"]

    def again(call: Call, line: bytes) -> Sequence[bytes]:
        return [line, *(one for path, one in earlier if path == call.path)]

    proxy.watched = again
    for kind in (RESOURCE, *before):
        place.kubectl("annotate", kind, "edge", "an=event")
    place.settle()
    assert {kind: place.get(kind)["metadata"]["uid"] for kind in before} == before
    assert place.get("deployment")["spec"] == spec
    assert any(json.loads(line)["type"] == "DELETED" for _, line in earlier)


def test_nothing_is_read_that_may_be_stale(api: ApiServer, proxy: ApiProxy, behind: Behind) -> None:
    """Reads have no resourceVersion, so that the API server answers with the newest state. Only reads of pods have one."""
    place = Namespace(api)
    behind.start(3600)
    place.apply({**SPEC, "replicas": 1})
    applied(place)
    until(lambda: place.condition("Available").get("reason") == "PodsNotReady", "a look at the pods")
    reads = [call for call in proxy.calls if call.method == "GET" and not call.watch]
    stale = [call for call in reads if call.query.get("resourceVersion")]
    assert {call.path for call in stale} == {f"/api/v1/namespaces/{place.name}/pods"}
    assert any(call.path.endswith("/deployments/edge") for call in reads)
