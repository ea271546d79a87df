"""What a resource must not say, beyond what its schema can express. Pure.

Each rule is written twice, side by side: in CEL for the API server, and in Python for ``render`` and for resources that
were stored under an older definition. Both answer with the same sentence. The librdkafka properties that a resource
must not set are no rules; they stand in ``refusals``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from kafka_otlp_exporter.config import options as table
from kafka_otlp_exporter.config.properties import OWN_KEYS, RIVAL_KEYS, TRUE
from kafka_otlp_exporter.config.rows import Row
from kafka_otlp_exporter.config.values import UNIT_MILLISECONDS, in_words, milliseconds
from kafka_otlp_operator import names
from kafka_otlp_operator.resource.access_fields import OTLP_PORTS, Otlp

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One rule about the part of the spec at ``path``: fields joined by dots, ``""`` for the spec itself.

    ``cel`` and ``holds`` are the same condition; ``message`` says what it wants. ``holds`` gets only what the schema
    accepts.
    """

    path: str
    cel: str
    holds: Callable[[Any], bool]
    message: str


_RIVALS = tuple((table.ROWS[first].field, table.ROWS[second].field) for first, second in RIVAL_KEYS)
_OWN_KEYS = tuple(tuple(table.ROWS[name].field for name in of_one_signal) for of_one_signal in OWN_KEYS)


def _is_true(field: str) -> str:
    """In CEL."""
    return f"(has(self.{field}) && self.{field})"


def _protocol(spec: Given) -> str:
    return str(spec.get("securityProtocol", "PLAINTEXT"))


def _idempotence_has_acks(spec: Given) -> bool:
    custom = spec.get("customConfig", {})
    wanted = str(custom.get("enable.idempotence", "")).lower() in TRUE
    overridden = "acks" in custom or "request.required.acks" in custom
    return not wanted or overridden or spec.get("acks", "all") == "all"


def _not_both(first: str, second: str, spec: Given) -> bool:
    return not (spec.get(first) and spec.get(second))


def _keys_for_every_signal(spec: Given) -> bool:
    return all(any(spec.get(field) for field in fields) for fields in _OWN_KEYS)


def _in_range(least: int, most: int, text: str) -> bool:
    """Exactly, as the API server does it: ``values.parse_duration`` rounds to milliseconds."""
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    return least <= sum(Decimal(amount) * UNIT_MILLISECONDS[unit] for amount, unit in parts) <= most


def _of_duration(row: Row) -> Rule:
    """The limits of a duration, which a schema cannot express."""
    least, most = in_words(row.minimum), in_words(row.maximum)
    return Rule(
        row.field,
        f"duration(self) >= duration('{least}') && duration(self) <= duration('{most}')",
        partial(_in_range, milliseconds(row.minimum), milliseconds(row.maximum)),
        f"must be at least {least} and at most {most}.",
    )


def _otlp(given: Given) -> Otlp:
    # As JSON, because YAML can hold a date where the API server stores a text.
    return Otlp.model_validate_json(json.dumps(given, default=str))


def _cel_port(way: str) -> str:
    return f"(has(self.{way}) && has(self.{way}.port) ? self.{way}.port : {OTLP_PORTS[way]})"


def _of_way_in(path: str) -> tuple[Rule, Rule]:
    """The rules of one of the two OTLP servers."""
    return (
        Rule(
            path,
            "!has(self.clientCaSecretRef) || has(self.tlsSecretRef)",
            lambda way: "clientCaSecretRef" not in way or "tlsSecretRef" in way,
            "clientCaSecretRef needs tlsSecretRef: a client presents its certificate only to a server that presents one.",
        ),
        Rule(
            path,
            f"!has(self.port) || self.port != {names.ADMIN_PORT}",
            lambda way: way.get("port") != names.ADMIN_PORT,
            f"port {names.ADMIN_PORT} is the port of metrics and probes; choose another one.",
        ),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "",
        "(has(self.securityProtocol) && self.securityProtocol.startsWith('SASL_')) == has(self.sasl)",
        lambda spec: _protocol(spec).startswith("SASL_") == ("sasl" in spec),
        "sasl and a securityProtocol with SASL (SASL_SSL, SASL_PLAINTEXT) go together: set both or neither.",
    ),
    Rule(
        "",
        "!has(self.tls) || (has(self.securityProtocol) && self.securityProtocol.endsWith('SSL'))",
        lambda spec: "tls" not in spec or _protocol(spec).endswith("SSL"),
        "tls needs securityProtocol SSL or SASL_SSL: change securityProtocol, or remove tls.",
    ),
    Rule(
        "",
        "!has(self.messageTimeoutMs) || !has(self.lingerMs) || self.messageTimeoutMs == 0 || "
        "self.messageTimeoutMs > self.lingerMs",
        lambda spec: (
            not {"messageTimeoutMs", "lingerMs"} <= spec.keys()
            or spec["messageTimeoutMs"] == 0
            or spec["messageTimeoutMs"] > spec["lingerMs"]
        ),
        "messageTimeoutMs must be greater than lingerMs, or 0 for no timeout.",
    ),
    Rule(
        "",
        "!has(self.retryBackoffMaxMs) || !has(self.retryBackoffMs) || self.retryBackoffMaxMs >= self.retryBackoffMs",
        lambda spec: (
            not {"retryBackoffMaxMs", "retryBackoffMs"} <= spec.keys()
            or spec["retryBackoffMaxMs"] >= spec["retryBackoffMs"]
        ),
        "retryBackoffMaxMs must not be less than retryBackoffMs.",
    ),
    Rule(
        "",
        "!has(self.acks) || self.acks == 'all' || !has(self.customConfig) || "
        "!('enable.idempotence' in self.customConfig) || "
        f"!(string(self.customConfig['enable.idempotence']).lowerAscii() in {list(TRUE)}) || "
        "'acks' in self.customConfig || 'request.required.acks' in self.customConfig",
        _idempotence_has_acks,
        "enable.idempotence=true in customConfig needs acks all: set acks to all, or remove it.",
    ),
    *(
        Rule(
            "",
            f"!({_is_true(first)} && {_is_true(second)})",
            partial(_not_both, first, second),
            f"{first} and {second} are both true, but a record has one key; keep one of them.",
        )
        for first, second in _RIVALS
    ),
    Rule(
        "",
        "!has(self.partitionKeyAttributes) || size(self.partitionKeyAttributes) == 0 || !("
        + " && ".join("(" + " || ".join(map(_is_true, fields)) + ")" for fields in _OWN_KEYS)
        + ")",
        lambda spec: not spec.get("partitionKeyAttributes") or not _keys_for_every_signal(spec),
        "partitionKeyAttributes has no effect when traces, metrics and logs each have a partition option of their own: "
        "remove it, or one of them.",
    ),
    *(_of_duration(row) for row in table.ROWS.values() if row.is_duration),
    Rule(
        "sasl",
        "has(self.username) != has(self.usernameSecretRef)",
        lambda sasl: ("username" in sasl) != ("usernameSecretRef" in sasl),
        "exactly one of username and usernameSecretRef must be set.",
    ),
    Rule(
        "tls",
        "!has(self.caSecretRef) || !has(self.caConfigMapRef)",
        lambda tls: not {"caSecretRef", "caConfigMapRef"} <= tls.keys(),
        "caSecretRef and caConfigMapRef are both set; keep one of them.",
    ),
    Rule(
        "podTemplate",
        "!has(self.env) || self.env.all(e, !e.name.startsWith('KAFKA_EXPORTER_'))",
        lambda template: (
            not any(str(entry.get("name", "")).startswith("KAFKA_EXPORTER_") for entry in template.get("env", ()))
        ),
        "env must not set variables that start with KAFKA_EXPORTER_: use the fields of spec, and spec.sasl for "
        "credentials.",
    ),
    Rule(
        "",
        "!has(self.scaling) || !has(self.scaling.mode) || self.scaling.mode != 'HPA' || "
        "(has(self.resources) && has(self.resources.requests) && 'cpu' in self.resources.requests)",
        lambda spec: (
            spec.get("scaling", {}).get("mode") != "HPA" or "cpu" in spec.get("resources", {}).get("requests", {})
        ),
        "scaling.mode HPA needs resources.requests.cpu: Kubernetes measures the pods' use of CPU against it.",
    ),
    Rule(
        "scaling",
        "!has(self.mode) || self.mode != 'HPA' || has(self.maxReplicas)",
        lambda scaling: scaling.get("mode") != "HPA" or "maxReplicas" in scaling,
        "mode HPA needs maxReplicas.",
    ),
    Rule(
        "scaling",
        "(has(self.mode) && self.mode == 'HPA') || "
        "!(has(self.minReplicas) || has(self.maxReplicas) || has(self.targetCPUUtilizationPercentage))",
        lambda scaling: (
            scaling.get("mode") == "HPA"
            or not {"minReplicas", "maxReplicas", "targetCPUUtilizationPercentage"} & scaling.keys()
        ),
        "minReplicas, maxReplicas and targetCPUUtilizationPercentage need mode HPA: set it, or remove them.",
    ),
    Rule(
        "scaling",
        "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
        lambda scaling: (
            not {"minReplicas", "maxReplicas"} <= scaling.keys() or scaling["minReplicas"] <= scaling["maxReplicas"]
        ),
        "minReplicas must not be greater than maxReplicas.",
    ),
    Rule(
        "podDisruptionBudget",
        "!has(self.minAvailable) || !has(self.maxUnavailable)",
        lambda budget: not {"minAvailable", "maxUnavailable"} <= budget.keys(),
        "minAvailable and maxUnavailable are both set; keep one of them.",
    ),
    Rule(
        "otlp",
        "!(has(self.grpc) && has(self.grpc.enabled) && !self.grpc.enabled && "
        "has(self.http) && has(self.http.enabled) && !self.http.enabled)",
        lambda otlp: bool(_otlp(otlp).served),
        "grpc and http are both switched off; leave one of them on.",
    ),
    Rule(
        "otlp",
        f"{_cel_port('grpc')} != {_cel_port('http')}",
        lambda otlp: len(set(_otlp(otlp).ports.values())) == len(OTLP_PORTS),
        f"grpc and http must have different ports; the defaults are {OTLP_PORTS['grpc']} and {OTLP_PORTS['http']}.",
    ),
    *_of_way_in("otlp.grpc"),
    *_of_way_in("otlp.http"),
)
