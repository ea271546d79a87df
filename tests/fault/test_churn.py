"""The operator is killed again and again while resources are created, changed and deleted. In the end all objects are right."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from kafka_otlp_operator.objects.kinds import CHILDREN
from kafka_otlp_operator.objects.manifests import desired
from kafka_otlp_operator.objects.ownership import controller
from kafka_otlp_operator.resource.spec import parse
from kafka_otlp_operator.settings import Settings
from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import RESOURCE, Namespace, Operator
from tests.fault.conftest import FULL

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(3600)]

RESOURCES, KILLS = (300, 100) if FULL else (16, 8)
# A resource gets these at random, in any order. None: it is deleted.
SPECS: Sequence[Mapping[str, Any] | None] = (
    {"replicas": 0},
    {"replicas": 0, "lingerMs": 7},
    {"replicas": 0, "podDisruptionBudget": {}, "networkPolicy": {}},
    {"replicas": 0, "service": {"annotations": {"a": "b"}}, "networkPolicy": {"brokerPorts": [9093]}},
    {"resources": {"requests": {"cpu": "1"}}, "scaling": {"mode": "HPA", "minReplicas": 1, "maxReplicas": 2}},
    None,
)

Item = Mapping[str, Any]


def change(namespace: Namespace, chance: random.Random) -> None:
    """Create, change or delete a quarter of the resources."""
    wanted = {f"edge-{number}": chance.choice(SPECS) for number in chance.sample(range(RESOURCES), RESOURCES // 4)}
    if gone := [name for name, spec in wanted.items() if spec is None]:
        namespace.kubectl("delete", RESOURCE, *gone, "--ignore-not-found", "--wait=false")
    items = [resource(name, spec) for name, spec in wanted.items() if spec is not None]
    namespace.kubectl("apply", "-f", "-", input="\n---\n".join(json.dumps(item) for item in items))


def resource(name: str, spec: Mapping[str, Any]) -> Item:
    """A resource as its author writes it."""
    return {
        "apiVersion": "kafka-otlp.dev/v1alpha1",
        "kind": "KafkaOtlpExporter",
        "metadata": {"name": name},
        "spec": {"brokers": ["kafka:9092"], **spec},
    }


def owned(namespace: Namespace, kinds: Sequence[str]) -> dict[str, dict[tuple[str, str], Item]]:
    """The objects that have an owner, by the owner's uid, and by kind and name."""
    found: dict[str, dict[tuple[str, str], Item]] = defaultdict(dict)
    for item in namespace.list(",".join(kinds)):
        if uid := controller(item).get("uid"):
            found[uid][item["kind"], item["metadata"]["name"]] = item
    return found


def wrong(namespace: Namespace) -> list[str]:
    """A sentence for each object that is missing, left over, or not as its resource asks for it."""
    plurals = [f"{kind.plural}.{kind.group}".rstrip(".") for kind in CHILDREN.values() if not kind.optional]
    resources = namespace.list(RESOURCE)
    there = owned(namespace, plurals)
    found = [f"left of a resource that is gone: {sorted(there[uid])}" for uid in there.keys() - uids(resources)]
    for one in resources:
        name, children = one["metadata"]["name"], there[one["metadata"]["uid"]]
        if one.get("status", {}).get("observedGeneration") != one["metadata"]["generation"]:
            found.append(f"{name}: its status is of an earlier version")
        wanted = {(item["kind"], item["metadata"]["name"]): item for item in desired(parse(one), Settings().image)}
        if wanted.keys() != children.keys():
            found.append(f"{name}: has {sorted(children)}, wants {sorted(wanted)}")
        found += [
            f"{name}: {path}"
            for identity in wanted.keys() & children.keys()
            for path in differences(wanted[identity], children[identity], identity[0])
        ]
    return found


def uids(items: Sequence[Item]) -> set[str]:
    """The uids of these objects."""
    return {item["metadata"]["uid"] for item in items}


def differences(wanted: Any, found: Any, path: str) -> list[str]:
    """The paths at which the found object differs from the wanted one. It may have more fields."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return [one for key in wanted for one in differences(wanted[key], found.get(key), f"{path}.{key}")]
    if isinstance(wanted, list | tuple) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [one for number, (left, right) in pairs for one in differences(left, right, f"{path}[{number}]")]
    return [] if wanted == found else [f"{path} is {found!r}, wanted {wanted!r}"]


def replica_sets(namespace: Namespace) -> list[str]:
    """A sentence for each Deployment with more ReplicaSets than there are specs: it had a pod template that no resource asked for."""
    templates = len({json.dumps(spec, sort_keys=True) for spec in SPECS if spec is not None})
    sets = owned(namespace, ["replicasets"])
    return [f"{len(items)} ReplicaSets" for items in sets.values() if len(items) > templates]


def test_killed_at_random_while_resources_change(api: ApiServer, tmp_path: Path) -> None:
    """No object is wrong, missing or left over."""
    namespace, chance = Namespace(api), random.Random(7)
    operator = Operator(api, tmp_path / "log", "--namespace", namespace.name)
    for _ in range(KILLS):
        operator.start()
        change(namespace, chance)
        time.sleep(chance.uniform(0, 1.5))
        operator.kill()
        change(namespace, chance)
    assert wrong(namespace) != []
    operator.start()
    try:
        deadline = time.monotonic() + 120
        while (found := wrong(namespace)) and time.monotonic() < deadline:
            time.sleep(1)
        assert found == []
        assert replica_sets(namespace) == []
        assert len(namespace.list(RESOURCE)) > RESOURCES // 3
        assert 'result="crashed"' not in operator.get("/metrics")[1]
    finally:
        operator.stop()
        namespace.kubectl("delete", "namespace", namespace.name, "--wait=false")
