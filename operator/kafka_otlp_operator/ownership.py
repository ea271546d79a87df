"""Name, labels and owner of every object that the operator makes for a resource. Pure.

Called by ``manifests`` and ``policies``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka_otlp_operator import names
from kafka_otlp_operator.spec import Resource

Manifest = Mapping[str, Any]


def metadata(
    resource: Resource, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The metadata of an object; of the author's ``labels`` those that are also ours keep our value."""
    found: dict[str, Any] = {
        "name": resource.name,
        "namespace": resource.namespace,
        "labels": {**(labels or {}), **names.labels(resource.name)},
    }
    if annotations:
        found["annotations"] = dict(annotations)
    if resource.uid:  # a file that `render` reads has none
        found["ownerReferences"] = [
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": resource.name,
                "uid": resource.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return found
