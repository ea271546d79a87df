"""Name, labels and owner of every object that the operator makes for a resource, and whose an object is. Pure.

Called by ``manifests`` and ``policies``, which make objects, and by ``cluster`` and ``reconcile``, which find some.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka_otlp_operator import names
from kafka_otlp_operator.errors import NotOurs
from kafka_otlp_operator.resource.metadata import Metadata

Manifest = Mapping[str, Any]


def metadata(
    resource: Metadata, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
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


def controller(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The owner reference of an object's controller; empty when it has none."""
    owners = item["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def belongs(item: Mapping[str, Any], owner: Metadata) -> bool:
    """Whether an object was made for this very resource, not for an earlier one of its name."""
    return bool(controller(item).get("uid") == owner.uid)


def is_ours(item: Mapping[str, Any], owner: Metadata) -> bool:
    """Whether an object of a resource's name is the operator's to change: made for it, or made once and without an owner."""
    managed = (item["metadata"].get("labels") or {}).get(names.MANAGED_BY) == names.OPERATOR
    return belongs(item, owner) or (managed and not controller(item))


def refuse_foreign(item: Mapping[str, Any], owner: Metadata) -> None:
    """Raise NotOurs when an object of a resource's name is somebody else's."""
    if is_ours(item, owner):
        return
    kind, metadata = item["kind"], item["metadata"]
    if other := controller(item):
        raise NotOurs(
            f"{kind} {metadata['name']!r} is there already and belongs to {other['kind']} {other['name']!r}; "
            "give this resource another name, or remove the other one."
        )
    raise NotOurs(
        f"{kind} {metadata['name']!r} is there already and was not made by this operator; give this resource "
        f"another name, or delete that {kind}."
    )
