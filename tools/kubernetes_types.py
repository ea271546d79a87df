"""Kubernetes' own types as JSON schemas, from the Kubernetes client's models of them."""

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
# Fields that need another field of the pod which the resource does not have.
_LEFT_OUT = {"V1ResourceRequirements": {"claims"}, "V1EnvVarSource": {"fileKeyRef"}}
_QUANTITIES = {"V1ResourceRequirements": {"limits", "requests"}, "V1ResourceFieldSelector": {"divisor"}}
# The API server merges a list by a key only when each item has the key.
_REQUIRED = {"V1LocalObjectReference": ["name"]}
_QUANTITY: Mapping[str, Any] = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "pattern": quantity.PATTERN,
    "x-kubernetes-int-or-string": True,
}
# Kubernetes' own descriptions may be long; its documentation has the rest.
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
    # A field without a description of its own has that of its type.
    if "description" in part:
        part["description"] = _described(part["description"])


def _described(text: str) -> str:
    text = " ".join(text.partition("\n\nAttributes:")[0].split())
    if len(text) <= _LONGEST_DESCRIPTION:
        return text
    sentences = re.split(r"(?<=[.]) ", text[:_LONGEST_DESCRIPTION])
    return " ".join(sentences[:-1]) or text[:_LONGEST_DESCRIPTION]
