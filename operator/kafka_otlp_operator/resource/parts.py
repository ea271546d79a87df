"""What the models of the resource's fields are made of: their base, and the types that several of them share. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

KUBERNETES_TYPE = "x-kubernetes-type"
INT_OR_STRING = "x-kubernetes-int-or-string"

ObjectName = Annotated[str, Field(min_length=1, max_length=253)]
DataKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
Label = Annotated[str, Field(max_length=63)]


def kubernetes(type_name: str, *, map_keys: tuple[str, ...] = ()) -> JsonDict:
    """Mark a field as having a type of Kubernetes; server-side apply merges a list of them by ``map_keys``."""
    marked: JsonDict = {KUBERNETES_TYPE: type_name}
    if map_keys:
        marked |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(map_keys)}
    return marked


class SpecObject(BaseModel):
    """Base of every object in ``spec``: frozen, without unknown fields; its errors repeat no value."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True, strict=True
    )


class SecretKeyRef(SpecObject):
    """One key of a Secret in the resource's own namespace."""

    name: Annotated[ObjectName, Field(description="Name of the Secret, in the resource's own namespace.")]
    key: Annotated[DataKey, Field(description="Key inside the Secret.")]


class ConfigMapKeyRef(SpecObject):
    """One key of a ConfigMap in the resource's own namespace."""

    name: Annotated[ObjectName, Field(description="Name of the ConfigMap, in the resource's own namespace.")]
    key: Annotated[DataKey, Field(description="Key inside the ConfigMap.")]


class CertificateRef(SpecObject):
    """A Secret of type kubernetes.io/tls."""

    name: Annotated[
        ObjectName,
        Field(description="Name of a Secret with the keys tls.crt and tls.key, in the resource's own namespace."),
    ]
