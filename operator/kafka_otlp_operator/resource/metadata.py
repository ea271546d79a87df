"""The metadata of a custom resource, as far as the operator reads it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metadata:
    """Which resource it is, and which version of it.

    ``generation`` counts the changes of spec, ``resource_version`` those of the whole object. ``uid`` and
    ``resource_version`` are empty in a file that was never stored, and ``generation`` is 0.
    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
    """

    name: str
    namespace: str
    uid: str
    generation: int
    resource_version: str


def metadata(found: Mapping[str, Any]) -> Metadata:
    """Read the ``metadata`` of an object. A missing namespace means ``default``, as in ``kubectl apply``."""
    generation = found.get("generation")
    return Metadata(
        name=str(found.get("name", "")),
        namespace=str(found.get("namespace") or "default"),
        uid=str(found.get("uid", "")),
        generation=generation if isinstance(generation, int) else 0,
        resource_version=str(found.get("resourceVersion", "")),
    )
