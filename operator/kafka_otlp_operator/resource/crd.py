"""The custom resource definition, made from the option table, the workload fields and the rules. Pure.

Called by ``tools/generate.py``, which writes it to ``crds/``. The schema is structural
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.rows import Row
from kafka_otlp_exporter.config.values import DURATION_PATTERN, PROPERTY_PATTERN, format_duration
from kafka_otlp_operator import names
from kafka_otlp_operator.resource import refusals, rules, spec
from kafka_otlp_operator.resource.fields import Workload
from kafka_otlp_operator.resource.structural import Schema, structural

# CEL's cost is estimated before it runs, and a text without a limit is taken for as long as a request may be.
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
                    "name": names.VERSION,
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
        "description": "Pods that take OpenTelemetry (OTLP) from clients and write it to Kafka. A client is told OK only "
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
    schema: Schema = {
        "type": "object",
        "description": "What is wanted.",
        "required": ["brokers"],
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
    if row.name == "request_timeout":
        schema = {"type": "string", "maxLength": 16, "pattern": DURATION_PATTERN, "description": schema["description"]}
    if row.name == "custom_config":
        schema = _custom_config(schema)
    if schema["type"] == "array":
        schema["x-kubernetes-list-type"] = "set"
    return schema | {"description": describe(row)}


def describe(row: Row) -> str:
    """What an option is for, what it may be and what it is when it is not set: one text for ``kubectl explain``."""
    said = f"{row.description} Allowed: {spec.allowed(row)}."
    if row.name == "brokers" or row.default in (None, {}, (), ""):
        return said
    return f"{said} Default: {text(row.default)}."


def _custom_config(schema: Schema) -> Schema:
    longest = schema["propertyNames"]["maxLength"]
    validations: list[Schema] = [
        {
            "rule": f"self.all(name, size(name) <= {longest} && name.matches('{PROPERTY_PATTERN}'))",
            "message": f"a key must be a librdkafka property name in lower case, of at most {longest} characters.",
        }
    ]
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
    return {
        "type": "object",
        "maxProperties": 128,
        "additionalProperties": {"x-kubernetes-int-or-string": True, "maxLength": 4096},
        "description": schema["description"],
        "x-kubernetes-validations": validations,
    }


def _refused(instead: str) -> str:
    return json.dumps(f" is refused: {instead}.")


def _status() -> Schema:
    return {
        "type": "object",
        "description": "What is. The operator writes it.",
        "properties": {
            "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "description": "The metadata.generation that this status is about.",
            },
            "replicas": {"type": "integer", "format": "int32", "description": "Number of pods there are."},
            "readyReplicas": {"type": "integer", "format": "int32", "description": "Number of pods that are ready."},
            "selector": {"type": "string", "description": "Labels of the pods, as kubectl get pods -l takes them."},
            "endpoint": {
                "type": "string",
                "description": "Where clients inside the cluster send OTLP/gRPC to, host:port; OTLP/HTTP where gRPC is "
                "off.",
            },
            "conditions": {
                "type": "array",
                "description": "Ready, and what it rests on: ConfigValid (librdkafka accepts the configuration), Applied "
                "(the API server took the objects), Available (the pods take telemetry), KafkaReachable (Kafka "
                "answers them); and Paused (the operator changes nothing).",
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
        "description": "One thing that holds, or does not.",
        "required": ["type", "status", "lastTransitionTime", "reason", "message"],
        "properties": {
            "type": {"type": "string", "maxLength": 316, "description": "What it is about."},
            "status": {
                "type": "string",
                "enum": ["True", "False", "Unknown"],
                "description": "Whether it holds.",
            },
            "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "minimum": 0,
                "description": "The metadata.generation that this was found for.",
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
                "description": "Why, in one word.",
            },
            "message": {"type": "string", "maxLength": 32768, "description": "Why, and what to do, in a sentence."},
        },
    }


def text(default: object) -> str:
    """A default as a person writes it."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ",".join(default)
    return format_duration(default) if isinstance(default, timedelta) else str(default)
