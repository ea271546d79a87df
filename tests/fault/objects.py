"""The objects of a resource in a cluster, without the fields that differ from run to run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kafka_otlp_operator.objects.kinds import CHILDREN
from tests.contract.operator_bed import RESOURCE, Namespace
from tests.contract.reads import Reads

# Identities, times and addresses, which the API server or other controllers set.
_OF_METADATA = ("uid", "resourceVersion", "creationTimestamp", "namespace", "generation")
_OF_OTHERS = ("deployment.kubernetes.io/revision", "autoscaling.alpha.kubernetes.io/conditions")


def snapshot(namespace: Namespace, *, of_pods: bool = True) -> Mapping[str, Any]:
    """Every object of the operator's kinds in a namespace, and the resources' conditions, by kind and name.

    With ``of_pods=False`` the conditions about pods are left out: they change when pods have been missing for long.
    """
    found: dict[str, Any] = {}
    reads = Reads(namespace.api, namespace.name)
    resources = namespace.list(RESOURCE)
    for kind, entry in CHILDREN.items():
        if entry.optional:
            continue
        listed = reads.every(entry.plural, managers=True)
        found |= {f"{kind}/{item['metadata']['name']}": _alike(item) for item in listed if _ours(item)}
    for resource in resources:
        status = resource.get("status", {})
        conditions = [
            {key: value for key, value in one.items() if key != "lastTransitionTime"}
            for one in status["conditions"]
            if of_pods or one["type"] in {"ConfigValid", "Applied", "Paused"}
        ]
        found[f"status of {resource['metadata']['name']}"] = {**status, "conditions": conditions, "endpoint": None}
    text = json.dumps(found)
    for resource in resources:  # managed fields name an owner reference by the uid of the owner
        text = text.replace(resource["metadata"]["uid"], f"uid of {resource['metadata']['name']}")
    alike: Mapping[str, Any] = json.loads(text)
    return alike


def _ours(item: Mapping[str, Any]) -> bool:
    return bool((item["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == "kafka-otlp-operator")


def _alike(item: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = {key: value for key, value in item["metadata"].items() if key not in _OF_METADATA}
    metadata["annotations"] = {
        key: value for key, value in metadata.get("annotations", {}).items() if key not in _OF_OTHERS
    }
    metadata["managedFields"] = [
        {**entry, "time": None} for entry in metadata["managedFields"] if entry["manager"].startswith("kafka-otlp")
    ]
    spec = {key: value for key, value in item.get("spec", {}).items() if key not in {"clusterIP", "clusterIPs"}}
    return {"metadata": metadata, "spec": spec}
