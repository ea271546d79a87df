"""Kubernetes' own types as JSON schemas, from the Kubernetes client's models of them. Called by ``generate``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kubernetes import client

from kafka_otlp_operator.resource import quantity

TYPES = (
    "V1Affinity",
    "V1EnvVar",
    "V1LocalObjectReference",
    "V1NetworkPolicyPeer",
    "V1ResourceRequirements",
    "V1Toleration",
    "V1TopologySpreadConstraint",
)
# Fields whose companions the resource does not have: nothing could make use of them.
_LEFT_OUT = {"V1ResourceRequirements": {"claims"}, "V1EnvVarSource": {"fileKeyRef"}}
_QUANTITIES = {"V1ResourceRequirements": {"limits", "requests"}, "V1ResourceFieldSelector": {"divisor"}}
# A list that is merged by a key needs the key in each of its items.
_REQUIRED = {"V1LocalObjectReference": ["name"]}
_QUANTITY: Mapping[str, Any] = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "pattern": quantity.PATTERN,
    "x-kubernetes-int-or-string": True,
}
# In the type's own words a field may say much; the page that it comes from says the rest.
_LONGEST_DESCRIPTION = 400


def kubernetes_type(name: str) -> dict[str, Any]:
    """The JSON schema of one of Kubernetes' own types, from the Kubernetes client's model of it."""
    schema: dict[str, Any] = getattr(client, name).model_json_schema(mode="serialization")
    for title, part in {name: schema, **schema.get("$defs", {})}.items():
        _shorten(part)
        if title in _REQUIRED:
            part["required"] = _REQUIRED[title]
        for left_out in _LEFT_OUT.get(title, ()):
            del part["properties"][left_out]
        for field, inside in part.get("properties", {}).items():
            _shorten(inside)
            if field in _QUANTITIES.get(title, ()):
                part["properties"][field] = _with_quantity(inside)
    return schema


def _with_quantity(field: Mapping[str, Any]) -> dict[str, Any]:
    is_map = any(choice.get("type") == "object" for choice in field["anyOf"])
    described = {"description": field["description"]}
    return {**described, "type": "object", "additionalProperties": _QUANTITY} if is_map else {**described, **_QUANTITY}


def _shorten(part: dict[str, Any]) -> None:
    # A field without words of its own has those of its type.
    if "description" in part:
        part["description"] = _described(part["description"])


def _described(text: str) -> str:
    text = " ".join(text.partition("\n\nAttributes:")[0].split())
    if len(text) <= _LONGEST_DESCRIPTION:
        return text
    sentences = re.split(r"(?<=[.]) ", text[:_LONGEST_DESCRIPTION])
    return " ".join(sentences[:-1]) or text[:_LONGEST_DESCRIPTION]
