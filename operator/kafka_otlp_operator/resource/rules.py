"""What a resource must not say, beyond what its schema can express: once, for the API server and for ``spec``.

Which librdkafka properties it must not set stands in ``refusals``.

``crd`` writes the CEL expressions into the custom resource definition, ``spec`` asks the same questions in Python
(for ``render``, and for resources stored under an older definition); both answer with the same sentence. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from kafka_otlp_operator import names

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One rule about what stands at ``path``: fields joined by dots, ``""`` is the spec itself.

    ``cel`` and ``holds`` are the same condition, of which ``message`` says what it wants; ``holds`` is given what the
    schema already accepted.
    """

    path: str
    cel: str
    holds: Callable[[Any], bool]
    message: str


# As librdkafka reads a truth value, whatever its case.
_TRUE = ("true", "t", "1")

# The partition options of each signal; two of one signal exclude each other.
_RIVALS = (
    ("partitionTracesByTraceId", "partitionTracesByResourceAttributes"),
    ("partitionLogsByTraceId", "partitionLogsByResourceAttributes"),
)
_OWN_KEYS = (*_RIVALS, ("partitionMetricsByResourceAttributes",))

_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def _is_true(field: str) -> str:
    """In CEL."""
    return f"(has(self.{field}) && self.{field})"


def _protocol(spec: Fields) -> str:
    return str(spec.get("securityProtocol", "PLAINTEXT"))


def _idempotence_has_acks(spec: Fields) -> bool:
    custom = spec.get("customConfig", {})
    wanted = str(custom.get("enable.idempotence", "")).lower() in _TRUE
    overridden = "acks" in custom or "request.required.acks" in custom
    return not wanted or overridden or spec.get("acks", "all") == "all"


def _not_both(first: str, second: str, spec: Fields) -> bool:
    return not (spec.get(first) and spec.get(second))


def _keys_for_every_signal(spec: Fields) -> bool:
    return all(any(spec.get(field) for field in fields) for fields in _OWN_KEYS)


def _duration_in_range(text: str) -> bool:
    """To the digit, as the API server does it: ``values.parse_duration`` rounds to milliseconds."""
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    return 1 <= sum(Decimal(amount) * _MILLISECONDS[unit] for amount, unit in parts) <= 15 * _MILLISECONDS["m"]


def _ports_differ(otlp: Fields) -> bool:
    grpc, http = (
        otlp.get(way, {}).get("port", port)
        for way, port in (("grpc", names.OTLP_GRPC_PORT), ("http", names.OTLP_HTTP_PORT))
    )
    return bool(grpc != http)


def _of_way_in(path: str) -> tuple[Rule, Rule]:
    """The rules of each of the two ways in: OTLP/gRPC and OTLP/HTTP."""
    return (
        Rule(
            path,
            "!has(self.clientCaSecretRef) || has(self.tlsSecretRef)",
            lambda way: "clientCaSecretRef" not in way or "tlsSecretRef" in way,
            "clientCaSecretRef needs tlsSecretRef: clients show their certificates only where the server shows its own.",
        ),
        Rule(
            path,
            f"!has(self.port) || self.port != {names.ADMIN_PORT}",
            lambda way: way.get("port") != names.ADMIN_PORT,
            f"port {names.ADMIN_PORT} is that of metrics and probes; choose another.",
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
        f"!(string(self.customConfig['enable.idempotence']).lowerAscii() in {list(_TRUE)}) || "
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
    Rule(
        "requestTimeout",
        "duration(self) >= duration('1ms') && duration(self) <= duration('15m')",
        _duration_in_range,
        "must be at least 1ms and at most 15m.",
    ),
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
        "scaling.mode HPA needs resources.requests.cpu: what pods use is measured against it.",
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
        "minReplicas, maxReplicas and targetCPUUtilizationPercentage go with mode HPA only: set it, or remove them.",
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
        lambda otlp: any(otlp.get(way, {}).get("enabled", True) for way in ("grpc", "http")),
        "grpc and http are both switched off; leave one of them on.",
    ),
    Rule(
        "otlp",
        f"(has(self.grpc) && has(self.grpc.port) ? self.grpc.port : {names.OTLP_GRPC_PORT}) != "
        f"(has(self.http) && has(self.http.port) ? self.http.port : {names.OTLP_HTTP_PORT})",
        _ports_differ,
        f"grpc and http need ports of their own; without one they have {names.OTLP_GRPC_PORT} and "
        f"{names.OTLP_HTTP_PORT}.",
    ),
    *_of_way_in("otlp.grpc"),
    *_of_way_in("otlp.http"),
)
