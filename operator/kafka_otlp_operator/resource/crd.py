"""The custom resource definition, made from the option table, the workload fields and the rules. Pure.

The schema is structural
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kafka_otlp_exporter.config import options as table
from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.rows import Row
from kafka_otlp_operator import names
from kafka_otlp_operator.resource import refusals, rules, spec
from kafka_otlp_operator.resource.fields import Workload
from kafka_otlp_operator.resource.parts import INT_OR_STRING
from kafka_otlp_operator.resource.structural import Schema, structural

# The API server estimates the cost of CEL before it runs; it takes a text without a limit to be as long as a request.
_ENV_NAME_MAX_LENGTH = 256


def definition(kubernetes_types: Mapping[str, Mapping[str, Any]]) -> Schema:
    """The whole definition. ``kubernetes_types`` has the JSON schema of each type named under ``parts.KUBERNETES_TYPE``."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.KIND.lower(),
                "shortNames": ["koe", "kotlp"],
                "categories": ["telemetry"],
            },
            "versions": [
                {
                    "name": names.SERVED_VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": _columns(),
                    "schema": {"openAPIV3Schema": _root(kubernetes_types)},
                }
            ],
        },
    }


def _columns() -> list[Schema]:
    ready = '.status.conditions[?(@.type=="Ready")]'
    return [
        {"name": "Ready", "type": "string", "jsonPath": f"{ready}.status"},
        {"name": "Reason", "type": "string", "jsonPath": f"{ready}.reason"},
        {"name": "Replicas", "type": "integer", "jsonPath": ".status.readyReplicas"},
        {"name": "Brokers", "type": "string", "jsonPath": ".spec.brokers", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]


def _root(kubernetes_types: Mapping[str, Mapping[str, Any]]) -> Schema:
    return {
        "type": "object",
        "description": "Pods that receive OpenTelemetry (OTLP) from clients and write it to Kafka. A client gets OK only "
        "after Kafka has acknowledged.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "Version of this kind of object."},
            "kind": {"type": "string", "description": names.KIND},
            "metadata": {"type": "object"},
            "spec": _spec(kubernetes_types),
            "status": _status(),
        },
        "x-kubernetes-validations": [
            {
                "rule": f"size(self.metadata.name) <= {names.NAME_MAX_LENGTH} && "
                f"self.metadata.name.matches('{names.NAME_PATTERN}')",
                "message": f"metadata.name must be {names.NAME_ALLOWED}.",
            }
        ],
    }


def _spec(kubernetes_types: Mapping[str, Mapping[str, Any]]) -> Schema:
    options = Options.model_json_schema()
    properties = {field: _option(row, options) for field, row in spec.OPTION_FIELDS.items()}
    workload = structural(Workload.model_json_schema(), {}, kubernetes_types)
    workload["properties"]["replicas"]["default"] = 1  # the scale subresource needs a number to start from
    properties |= workload["properties"]
    properties["podTemplate"]["properties"]["env"]["items"]["properties"]["name"]["maxLength"] = _ENV_NAME_MAX_LENGTH
    properties[table.ROWS["custom_config"].field]["x-kubernetes-validations"] += _refusals()
    schema: Schema = {
        "type": "object",
        "description": "The wanted state.",
        "required": list(spec.REQUIRED),
        "properties": properties,
    }
    for rule in rules.RULES:
        part = schema
        for field in filter(None, rule.path.split(".")):
            part = part["properties"][field]
        part.setdefault("x-kubernetes-validations", []).append({"rule": rule.cel, "message": rule.message})
    return schema


def _option(row: Row, options: Mapping[str, Any]) -> Schema:
    schema = structural(options["properties"][row.name], options["$defs"], {})
    if row.is_map:
        schema = _map(schema, row)
    if row.is_list:
        schema["x-kubernetes-list-type"] = "set"
    described = row.explained(row.allowed_in_resource, with_default=row.field not in spec.REQUIRED)
    return schema | {"description": described}


def _map(schema: Schema, row: Row) -> Schema:
    """A map as the API server takes it: it knows no limits of keys, so that they become a CEL rule."""
    ((pattern, values),) = schema.pop("patternProperties", {"": schema.get("additionalProperties")}).items()
    keys = schema.pop("propertyNames", {})
    conditions = [f"size(name) <= {keys['maxLength']}"] if "maxLength" in keys else []
    conditions += [f"name.matches('{pattern}')"] if pattern else []
    longest = {"maxLength": values["maxLength"]} if "maxLength" in values else {}
    return schema | {
        "additionalProperties": {INT_OR_STRING: True, **longest},
        "x-kubernetes-validations": [
            {"rule": f"self.all(name, {' && '.join(conditions)})", "message": f"a key must be {row.words.keys}."}
        ],
    }


def _refusals() -> list[Schema]:
    """The librdkafka properties that ``customConfig`` must not set."""
    validations: list[Schema] = []
    for refusal in refusals.REFUSALS:
        listed = "[" + ", ".join(f"'{name}'" for name in refusal.names) + "]"
        validations.append(
            {
                "rule": f"{listed}.all(name, !(name in self))",
                "messageExpression": f"{listed}.filter(name, name in self)[0] + {_refused(refusal.instead)}",
                "message": f"{' or '.join(refusal.names)} is refused: {refusal.instead}.",
                "reason": "FieldValueForbidden",
            }
        )
    for family in refusals.FAMILIES:
        one_of_it = f"name.startsWith('{family.begins}')" if family.begins else f"name.endsWith('{family.ends}')"
        validations.append(
            {
                "rule": f"!self.exists(name, {one_of_it})",
                "messageExpression": f"self.filter(name, {one_of_it})[0] + {_refused(family.instead)}",
                "message": f"{family.begins}*{family.ends} is refused: {family.instead}.",
                "reason": "FieldValueForbidden",
            }
        )
    return validations


def _refused(instead: str) -> str:
    return json.dumps(f" is refused: {instead}.")


def _status() -> Schema:
    return {
        "type": "object",
        "description": "The actual state. The operator writes it.",
        "properties": {
            "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "description": "The metadata.generation that this status describes.",
            },
            "replicas": {"type": "integer", "format": "int32", "description": "Number of pods."},
            "readyReplicas": {"type": "integer", "format": "int32", "description": "Number of pods that are ready."},
            "selector": {"type": "string", "description": "Labels of the pods, as kubectl get pods -l reads them."},
            "endpoint": {
                "type": "string",
                "description": "Address, host:port, to which clients inside the cluster send OTLP/gRPC, or OTLP/HTTP when "
                "gRPC is off.",
            },
            "conditions": {
                "type": "array",
                "description": "Ready, and the conditions that it depends on: ConfigValid (librdkafka accepts the "
                "configuration), Applied (the API server accepted the objects), Available (the pods accept telemetry) and "
                "KafkaReachable (Kafka answers the pods). Paused: the operator changes no object.",
                "maxItems": 16,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "items": _condition(),
            },
        },
    }


def _condition() -> Schema:
    return {
        "type": "object",
        "description": "One aspect of the state.",
        "required": ["type", "status", "lastTransitionTime", "reason", "message"],
        "properties": {
            "type": {"type": "string", "maxLength": 316, "description": "The aspect."},
            "status": {
                "type": "string",
                "enum": ["True", "False", "Unknown"],
                "description": "Whether the condition is met.",
            },
            "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "minimum": 0,
                "description": "The metadata.generation that the condition describes.",
            },
            "lastTransitionTime": {
                "type": "string",
                "format": "date-time",
                "description": "When status last changed.",
            },
            "reason": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1024,
                "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                "description": "The reason, in one word.",
            },
            "message": {
                "type": "string",
                "maxLength": 32768,
                "description": "The reason and what to do, in a sentence.",
            },
        },
    }
