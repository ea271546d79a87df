"""Every field of the custom resource, with a real API server and the operator's process.

``tests/laws/test_fields.py`` asks the same of the functions alone. Here the cluster holds what was applied before, and a
field that is removed from the resource must disappear from the objects. Each field has a resource of its own, and all
resources take each step together.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from kafka_otlp_operator.api.cluster import _applies_replicas
from kafka_otlp_operator.objects.kinds import CHILDREN
from tests.contract.operator_bed import RESOURCE, Namespace, Operator, until
from tests.laws.walk import WITHOUT_EFFECT, Field, fields

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]

# A type of Kubernetes that stands in several places is walked in one of them.
AGAIN = ("preferredDuring", "podAntiAffinity", "namespaceSelector")
# Fields for which Kubernetes accepts one value only.
ONE_VALUE = (
    "podTemplate.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[].preference.matchFields[].key",
    "podTemplate.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[].matchFields[].key",
    "podTemplate.env[].valueFrom.fieldRef.apiVersion",
)
# The API server of the tests has PodMonitors only in the tests about them.
ELSEWHERE = ("metrics.podMonitor.",)
WALKED = {
    f"field-{number}": field
    for number, field in enumerate(fields())
    if field.path not in (*ONE_VALUE, *WITHOUT_EFFECT)
    and not field.path.startswith(ELSEWHERE)
    and not any(part in field.path for part in AGAIN)
}

Live = Mapping[str, Mapping[str, Any]]


def go(namespace: Namespace, step: str) -> Live:
    """Apply this step to every resource; the objects of each of them once the operator has reconciled it."""
    items = [
        {
            "apiVersion": "kafka-otlp.dev/v1alpha1",
            "kind": "KafkaOtlpExporter",
            "metadata": {"name": name},
            # No pods, because the test is about the objects alone.
            "spec": {"brokers": ["kafka:9092"], **no_pods(field, getattr(field, step))},
        }
        for name, field in WALKED.items()
    ]
    namespace.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def done() -> bool:
        time.sleep(1)  # a list of all of them costs more than what is waited for
        return all(is_done(resource) for resource in namespace.list(RESOURCE))

    until(done, f"status of every resource for step {step!r}", 150)
    assert {told["metadata"]["name"]: refusal(told) for told in namespace.list(RESOURCE) if refusal(told)} == {}
    found: dict[str, dict[str, Any]] = {name: {} for name in WALKED}
    for kind, entry in CHILDREN.items():
        for item in [] if entry.optional else objects(namespace, f"{entry.plural}.{entry.group}".rstrip(".")):
            if item["metadata"]["name"] in found:
                found[item["metadata"]["name"]][kind] = asked_for(item)
    return found


def objects(namespace: Namespace, kind: str) -> list[dict[str, Any]]:
    """All objects of a kind, with their managed fields."""
    found: list[dict[str, Any]] = json.loads(namespace.kubectl("get", kind, "-o", "json", "--show-managed-fields"))[
        "items"
    ]
    return found


def no_pods(field: Field, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The spec with no pods, unless the field is about their number."""
    return spec if field.path.startswith(("replicas", "scaling")) else {"replicas": 0, **spec}


def is_done(resource: Mapping[str, Any]) -> bool:
    """Whether the status is about the newest version of the resource."""
    return bool(resource.get("status", {}).get("observedGeneration") == resource["metadata"]["generation"])


def refusal(resource: Mapping[str, Any]) -> str:
    """The errors in a resource's status; empty when all of it was applied."""
    conditions = {one["type"]: one for one in resource["status"]["conditions"]}
    wrong = [conditions[kind] for kind in ("ConfigValid", "Applied") if conditions[kind]["status"] != "True"]
    return "".join(one["message"] for one in wrong)


def asked_for(item: Mapping[str, Any]) -> Any:
    """The wanted state of an object, without what others set.

    The addresses and ports that a Service was given stay with it; the number of pods may be an autoscaler's.
    """
    spec = json.loads(json.dumps(item.get("spec", {})))
    if not any(_applies_replicas(entry) for entry in item["metadata"]["managedFields"]):
        spec.pop("replicas", None)
    for given in ("clusterIP", "clusterIPs", "healthCheckNodePort"):
        spec.pop(given, None)
    if "ports" in spec:
        spec["ports"] = [{key: port[key] for key in port if key != "nodePort"} for port in spec["ports"]]
    annotations = item["metadata"].get("annotations", {})
    own = {key: value for key, value in annotations.items() if key != "deployment.kubernetes.io/revision"}
    return {"spec": spec, "labels": item["metadata"].get("labels"), "annotations": own}


def test_every_field_there_and_back(operator: Operator, namespace: Namespace) -> None:
    """Set, changed, changed back, taken back: each field does something, and leaves nothing behind in any object."""
    unset, one, other = go(namespace, "unset"), go(namespace, "one"), go(namespace, "other")
    again, back = go(namespace, "one"), go(namespace, "unset")
    paths = {name: field.path for name, field in WALKED.items()}
    assert [paths[name] for name in WALKED if one[name] != again[name]] == []
    assert [paths[name] for name in WALKED if unset[name] != back[name]] == []
    assert [paths[name] for name in WALKED if one[name] == other[name]] == []
    idle = [paths[name] for name in WALKED if one[name] == unset[name]]
    assert idle == []
