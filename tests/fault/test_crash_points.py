"""The operator is killed at its API writes, before and after each. The next operator makes the same objects.

The pattern is Sieve's "intermediate state" (https://www.usenix.org/conference/osdi22/presentation/sun).
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kafka_otlp_operator.names import KIND
from tests.beds.api_proxy import ApiProxy, Call, Dropped
from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import RESOURCE, Namespace, Operator, unchanged, until
from tests.fault.conftest import FULL
from tests.fault.objects import snapshot

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]

Spec = Mapping[str, Any]

EVERYTHING: Spec = {
    "lingerMs": 5,
    "resources": {"requests": {"cpu": "100m"}},
    "scaling": {"mode": "HPA", "minReplicas": 1, "maxReplicas": 3},
    "podDisruptionBudget": {},
    "networkPolicy": {},
}
# Each object differs from that of EVERYTHING.
CHANGED: Spec = {
    "lingerMs": 6,
    "resources": {"requests": {"cpu": "200m"}},
    "scaling": {"mode": "HPA", "minReplicas": 1, "maxReplicas": 4},
    "podDisruptionBudget": {"minAvailable": 1},
    "networkPolicy": {"brokerPorts": [9093]},
    "service": {"annotations": {"changed": "yes"}},
}
LITTLE: Spec = {"lingerMs": 5}
SCENARIOS: Mapping[str, tuple[Spec | None, Spec]] = {
    "create": (None, EVERYTHING),
    "update": (EVERYTHING, CHANGED),
    "prune": (EVERYTHING, LITTLE),
    "hand over": (LITTLE, {"scaling": {"mode": "External"}}),
    "delete": (None, EVERYTHING),
}
# Points of each scenario in the short form.
SAMPLE = 1


@dataclass(frozen=True)
class Point:
    """The operator is killed at its n-th write, before the API server has it or after it has answered."""

    write: int
    after: bool


class Crash:
    """Kills an operator at a point; its call ends without an answer."""

    def __init__(self, victim: Operator, proxy: ApiProxy, point: Point) -> None:
        self._victim = victim
        self._point = point
        self.happened = False
        proxy.reset()
        if point.after:
            proxy.after = self._strike
        else:
            proxy.before = self._strike

    def _strike(self, call: Call) -> None:
        if self.happened:
            raise Dropped
        if call.write == self._point.write:
            self._victim.process.kill()
            self.happened = True
            raise Dropped


def settled(api: ApiServer, namespaces: Sequence[Namespace]) -> None:
    """Wait until each status is that of the newest version, and nothing has been written for two seconds."""
    kinds = f"{RESOURCE},deployments,services,networkpolicies,poddisruptionbudgets,hpa"
    names = {namespace.name for namespace in namespaces}

    def listed() -> list[Any]:
        items = json.loads(api.kubectl("get", kinds, "--all-namespaces", "-o", "json"))["items"]
        return [item for item in items if item["metadata"]["namespace"] in names]

    def told() -> bool:
        return all(
            item.get("status", {}).get("observedGeneration") == item["metadata"]["generation"]
            for item in listed()
            if item["kind"] == KIND
        )

    until(told, "status of each resource", 120)
    unchanged(lambda: sorted(item["metadata"]["resourceVersion"] for item in listed()), "some namespace", 120)


def chosen(writes: int, scenario: str) -> list[Point]:
    """Every point, or a sample of them that is the same each time."""
    every = [Point(number, after) for number in range(1, writes + 1) for after in (False, True)]
    return every if FULL else random.Random(scenario).sample(every, SAMPLE)


@dataclass(frozen=True)
class Story:
    """The namespaces of one scenario: one to count the writes, one without a crash, and one for each crash."""

    name: str
    before: Spec | None
    wanted: Spec
    counted: Namespace
    undisturbed: Namespace
    struck: Sequence[Namespace]

    @property
    def namespaces(self) -> Sequence[Namespace]:
        """All of them."""
        return [self.counted, self.undisturbed, *self.struck]


def prepare(api: ApiServer, folder: Path) -> list[Story]:
    """The namespaces of every scenario, in the state before the crash."""
    many = 80 if FULL else SAMPLE
    stories = [
        Story(name, *specs, Namespace(api), Namespace(api), [Namespace(api) for _ in range(many)])
        for name, specs in SCENARIOS.items()
    ]
    begun = [(namespace, story) for story in stories for namespace in story.namespaces]
    for namespace, story in begun:
        if story.before is not None:
            namespace.apply(dict(story.before))
    operator = Operator(api, folder / "before")
    operator.start()
    settled(api, [namespace for namespace, _ in begun])
    operator.stop()
    for namespace, story in begun:
        namespace.apply(dict(story.wanted))
    return stories


def count(api: ApiServer, proxy: ApiProxy, folder: Path, stories: Sequence[Story]) -> Mapping[str, int]:
    """The number of writes of each scenario without a crash."""
    namespaces = [story.counted for story in stories]
    flags = [flag for namespace in namespaces for flag in ("--namespace", namespace.name)]
    operator = Operator(api, folder / "counted", *flags, kubeconfig=proxy.kubeconfig)
    operator.start()
    settled(api, namespaces)
    operator.stop()
    return {
        story.name: sum(f"/namespaces/{story.counted.name}/" in call.path for call in proxy.writes) for story in stories
    }


def strike(api: ApiServer, proxy: ApiProxy, folder: Path, namespace: Namespace, point: Point) -> None:
    """Let an operator work in the namespace, and kill it at the point."""
    victim = Operator(api, folder / "victim", "--namespace", namespace.name, kubeconfig=proxy.kubeconfig)
    crash = Crash(victim, proxy, point)
    victim.begin()
    try:
        until(lambda: crash.happened, f"write for {point}", 60)
    finally:
        victim.kill()


def same(namespace: Namespace, reference: Mapping[str, Any], scenario: str, point: Point) -> None:
    """Wait until the objects are those of the undisturbed namespace; after 30 seconds, say where they differ."""
    deadline = time.monotonic() + 30
    while (found := snapshot(namespace, of_pods=False)) != reference:
        if time.monotonic() > deadline:
            assert found == reference, f"{scenario}, killed at {point}"
        time.sleep(0.5)


def test_killed_at_any_write_it_comes_to_the_same(api: ApiServer, proxy: ApiProxy, tmp_path: Path) -> None:
    """The objects of each namespace are those of a namespace without a crash, and there are no others."""
    stories = prepare(api, tmp_path)
    writes = count(api, proxy, tmp_path, stories)
    assert all(writes.values()), writes
    points = {story.name: chosen(writes[story.name], story.name) for story in stories}
    for story in stories:
        for point, namespace in zip(points[story.name], story.struck, strict=False):
            strike(api, proxy, tmp_path, namespace, point)
        if story.name == "delete":
            for namespace in story.namespaces:
                namespace.kubectl("delete", "koe", "edge", "--wait=false")
    print("points at which the operator was killed:", {name: len(some) for name, some in points.items()})
    operator = Operator(api, tmp_path / "after")
    operator.start()
    try:
        settled(api, [namespace for story in stories for namespace in story.namespaces])
        for story in stories:
            assert len(points[story.name]) <= len(story.struck), "more points than namespaces"
            reference = snapshot(story.undisturbed, of_pods=False)
            assert (reference == {}) == (story.name == "delete")
            for point, namespace in zip(points[story.name], story.struck, strict=False):
                same(namespace, reference, story.name, point)
    finally:
        operator.stop()
