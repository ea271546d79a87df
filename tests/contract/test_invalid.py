"""Resources that are wrong in many ways: the API server refuses each of them, or its status has a sentence about it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.beds.kubernetes import KubectlError
from tests.contract.operator_bed import RESOURCE, Namespace, Operator, until
from tests.laws.damage import Damaged, damaged

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]

SASL = {"mechanism": "PLAIN", "username": "u", "passwordSecretRef": {"name": "s", "key": "k"}}


def custom(**properties: Any) -> dict[str, Any]:
    """A spec with this ``customConfig``; a dot in a name is written as two underscores."""
    return {"customConfig": {name.replace("__", "."): value for name, value in properties.items()}}


def pods(**template: Any) -> dict[str, Any]:
    """A spec with this ``podTemplate``."""
    return {"podTemplate": template}


# What no schema sees: librdkafka, the platform, Kubernetes or a rule of ours is against it. With the word that the sentence
# has to have: Kubernetes names the fields of the object that it refuses.
BEYOND_THE_SCHEMA: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("customConfig", custom(batch__num__messages="0")),
    ("customConfig", custom(linger__ms="1000000000")),
    ("customConfig", custom(socket__timeout__ms="soon")),
    ("customConfig", custom(compression__codec="brotli")),
    ("customConfig", custom(acks="two")),
    ("customConfig", custom(acks="1", request__required__acks="0")),
    ("customConfig", custom(linger__ms="1", queue__buffering__max__ms="2")),
    ("customConfig", custom(partitioner="round-robin")),
    ("customConfig", custom(no__such__property="1")),
    ("customConfig", custom(linger__msec="1")),
    ("customConfig", custom(fetch__max__bytes="1")),
    ("customConfig", custom(allow__auto__create__topics="true")),
    ("customConfig", custom(receive__message__max__bytes="2000000000")),
    ("customConfig", custom(client__dns__lookup="never")),
    ("customConfig", custom(enable__idempotence="perhaps")),
    ("customConfig", custom(max__in__flight="6", enable__idempotence="true")),
    ("retries", {"retries": 0, **custom(enable__idempotence="true")}),
    ("resources", {"resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "1Gi"}}}),
    ("resources", {"resources": {"limits": {"no such resource": "1"}}}),
    ("tolerations", pods(tolerations=[{"key": "a", "operator": "Perhaps"}])),
    ("tolerations", pods(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}])),
    ("tolerations", pods(tolerations=[{"key": "a", "effect": "NoSuchEffect"}])),
    ("nodeSelector", pods(nodeSelector={"not a label": "x"})),
    ("nodeSelector", pods(nodeSelector={"a": "not a value"})),
    ("labels", pods(labels={"not a label": "x"})),
    ("labels", pods(labels={"a": "not a value"})),
    ("annotations", pods(annotations={"not an annotation": "x"})),
    ("env", pods(env=[{"name": "not=a name"}])),
    ("env", pods(env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])),
    ("env", pods(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "no.such.path"}}}])),
    (
        "topologySpreadConstraints",
        pods(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "z", "whenUnsatisfiable": "x"}]),
    ),
    ("priorityClassName", pods(priorityClassName="Not A Name")),
    ("ingress", {"networkPolicy": {"ingressFrom": [{"ipBlock": {"cidr": "no network"}}]}}),
    ("ingress", {"networkPolicy": {"ingressFrom": [{"podSelector": {"matchLabels": {"not a label": "x"}}}]}}),
    ("ingress", {"networkPolicy": {"ingressFrom": [{}]}}),
    ("podDisruptionBudget", {"podDisruptionBudget": {"minAvailable": "half"}}),
    ("podDisruptionBudget", {"podDisruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}}),
    ("annotations", {"service": {"annotations": {"not an annotation": "x"}}}),
    ("sasl", {"sasl": SASL}),
    ("sasl", {"securityProtocol": "SASL_SSL", "sasl": {**SASL, "usernameSecretRef": {"name": "s", "key": "k"}}}),
    ("scaling", {"scaling": {"mode": "HPA", "maxReplicas": 2}}),
    ("scaling", {"scaling": {"minReplicas": 2}}),
    ("otlp", {"otlp": {"grpc": {"enabled": False}, "http": {"enabled": False}}}),
    ("otlp", {"otlp": {"grpc": {"port": 5000}, "http": {"port": 5000}}}),
)

CASES = {
    f"case-{number}": case
    for number, case in enumerate(
        [
            *damaged(),
            *(Damaged(path, "meaning", {"brokers": ["kafka:9092"], **spec}) for path, spec in BEYOND_THE_SCHEMA),
        ]
    )
}


def create(namespace: Namespace) -> dict[str, str]:
    """Create all resources; the error of the API server for each one that it refuses."""
    items = [
        {
            "apiVersion": "kafka-otlp.dev/v1alpha1",
            "kind": "KafkaOtlpExporter",
            "metadata": {"name": name},
            "spec": {"replicas": 0, **case.spec},
        }
        for name, case in CASES.items()
    ]
    with pytest.raises(KubectlError) as caught:
        # Several documents and no List, because kubectl stops at the first error in a List.
        namespace.kubectl("create", "-f", "-", input="\n---\n".join(json.dumps(item) for item in items))
    lines = re.split(r"\n(?=Error from server)", str(caught.value))
    return {found[1]: line for line in lines if (found := re.search(r'"(case-\d+)"', line))}


def wrong(resource: Mapping[str, Any]) -> str:
    """The sentence in a resource's status about what is wrong; empty when nothing is."""
    conditions = {one["type"]: one for one in resource["status"]["conditions"]}
    said = [conditions[kind]["message"] for kind in ("ConfigValid", "Applied") if conditions[kind]["status"] == "False"]
    return said[0] if said else ""


def named(path: str) -> str:
    """The field that a sentence about this path has to name."""
    return path.rsplit(".", maxsplit=1)[-1].removesuffix("[]")


def test_each_is_refused_or_told(operator: Operator, namespace: Namespace) -> None:
    """Each sentence names the field, and none of the resources makes the operator crash."""
    before = len(operator.log.read_text())
    refused = create(namespace)
    assert len(CASES) >= 200

    def told() -> bool:
        return all("observedGeneration" in one.get("status", {}) for one in namespace.list(RESOURCE))

    until(told, "status of each that was accepted", 60)
    accepted = {one["metadata"]["name"]: wrong(one) for one in namespace.list(RESOURCE)}
    assert refused.keys() | accepted.keys() == CASES.keys()
    unnoticed = [CASES[name][:2] for name, sentence in accepted.items() if not sentence]
    assert unnoticed == []
    sentences = {**refused, **accepted}
    unnamed = [(case[:2], sentences[name]) for name, case in CASES.items() if named(case.path) not in sentences[name]]
    assert unnamed == []
    assert 'kafka_otlp_operator_reconciles_total{result="crashed"}' not in operator.get("/metrics")[1]
    assert "Traceback" not in operator.log.read_text()[before:]
