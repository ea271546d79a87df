"""JSON schemas as pydantic makes them, in the form that the API server takes. Pure.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka_otlp_operator.resource.parts import INT_OR_STRING, KUBERNETES_TYPE

Schema = dict[str, Any]

_DROPPED = frozenset({"title", "default", "$defs"})


def structural(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], kubernetes_types: Mapping[str, Mapping[str, Any]]
) -> Schema:
    """One schema, with each reference replaced by what it refers to.

    ``definitions`` are the targets of references, unless the schema has its own. ``kubernetes_types`` has the schema of
    each type that is named under ``parts.KUBERNETES_TYPE``.
    """
    definitions = schema.get("$defs", definitions)
    if "$ref" in schema:
        target = definitions[str(schema["$ref"]).removeprefix("#/$defs/")]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return structural({**target, **beside}, definitions, kubernetes_types)
    if "anyOf" in schema and INT_OR_STRING not in schema:
        (only,) = _choices(schema)
        beside = {key: value for key, value in schema.items() if key != "anyOf"}
        return structural({**only, **beside}, definitions, kubernetes_types)
    found = {key: value for key, value in schema.items() if key not in _DROPPED}
    if (type_name := found.pop(KUBERNETES_TYPE, None)) is not None:
        return _of_kubernetes(found, kubernetes_types[type_name])
    return _with_parts(_spelt(found), definitions, kubernetes_types)


def _choices(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [choice for choice in schema["anyOf"] if choice.get("type") != "null"]


def _spelt(found: Schema) -> Schema:
    if "anyOf" in found:  # a number or a text: limits must stand beside the choice, not in it
        found["anyOf"] = [{"type": choice["type"]} for choice in _choices(found)]
    if found.get("additionalProperties") in (True, False):
        del found["additionalProperties"]
    if found.get("type") == "integer":
        found["format"] = "int64"
    return found


def _with_parts(
    found: Schema, definitions: Mapping[str, Any], kubernetes_types: Mapping[str, Mapping[str, Any]]
) -> Schema:
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), Mapping):
            found[key] = structural(found[key], definitions, kubernetes_types)
    if "properties" in found:
        found["properties"] = {
            name: structural(part, definitions, kubernetes_types) for name, part in found["properties"].items()
        }
    return found


def _of_kubernetes(found: Schema, kubernetes_type: Mapping[str, Any]) -> Schema:
    inside = structural(kubernetes_type, {}, {})
    if found.get("type") == "array":
        return found | {"items": inside}
    return {**inside, "description": found["description"]}
