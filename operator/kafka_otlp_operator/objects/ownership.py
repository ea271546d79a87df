"""Name, labels and owner of every object that the operator makes, and whether an object is the operator's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka_otlp_operator import names
from kafka_otlp_operator.errors import NotOurs
from kafka_otlp_operator.resource.metadata import Metadata

Manifest = Mapping[str, Any]


def child_metadata(
    resource: Metadata, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The metadata of an object of ``resource``.

    ``labels`` and ``annotations`` are the author's; a label that the operator sets, too, keeps the operator's value.
    """
    found: dict[str, Any] = {
        "name": resource.name,
        "namespace": resource.namespace,
        "labels": {**(labels or {}), **names.labels(resource.name)},
    }
    if annotations:
        found["annotations"] = dict(annotations)
    if resource.uid:  # empty in a file that was never stored
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
    """Whether an object was made for this resource, and not for an earlier one of the same name."""
    return bool(controller(item).get("uid") == owner.uid)


def is_ours(item: Mapping[str, Any], owner: Metadata) -> bool:
    """Whether the operator may change an object of the resource's name.

    It may when the object was made for this resource, or when the operator made it and it has no owner any more.
    """
    managed = (item["metadata"].get("labels") or {}).get(names.MANAGED_BY) == names.OPERATOR
    return belongs(item, owner) or (managed and not controller(item))


def refuse_foreign(item: Mapping[str, Any], owner: Metadata) -> None:
    """Raise NotOurs when the operator may not change an object of the resource's name."""
    if is_ours(item, owner):
        return
    kind, metadata = item["kind"], item["metadata"]
    if other := controller(item):
        raise NotOurs(
            f"{kind} {metadata['name']!r} already exists and belongs to {other['kind']} {other['name']!r}; "
            "give this resource another name, or delete the other one."
        )
    raise NotOurs(
        f"{kind} {metadata['name']!r} already exists and was not made by this operator; give this resource "
        f"another name, or delete that {kind}."
    )
