"""What a resource must not say, beyond what its schema can express: once, for the API server and for ``spec``.

``crd`` writes the CEL expressions into the custom resource definition, ``spec`` asks the same questions in Python
(for ``render``, and for resources stored under an older definition); both answer with the same sentence. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kafka_otlp_exporter.properties import REFUSED

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One rule about the object at ``path`` (``""`` is the spec itself).

    ``cel`` and ``holds`` are the same condition, of which ``message`` says what it wants; ``holds`` is given what the
    schema already accepted.
    """

    path: str
    cel: str
    holds: Callable[[Fields], bool]
    message: str


@dataclass(frozen=True)
class Refusal:
    """librdkafka properties that ``customConfig`` must not set, and what to do instead."""

    names: tuple[str, ...]
    instead: str


_OAUTH = "sasl.oauthbearer."
_ASSERTION = _OAUTH + "assertion."

# Names from librdkafka's CONFIGURATION.md, and from its table rd_kafka_properties for those that the page leaves out.
_DANGEROUS: tuple[Refusal, ...] = (
    Refusal(("bootstrap.servers", "metadata.broker.list"), "use spec.brokers"),
    Refusal(("client.id",), "use spec.clientId"),
    Refusal(("security.protocol",), "use spec.securityProtocol"),
    Refusal(("sasl.mechanism", "sasl.mechanisms"), "use spec.sasl.mechanism"),
    Refusal(("sasl.username",), "use spec.sasl.username or spec.sasl.usernameSecretRef"),
    Refusal(("sasl.password",), "use spec.sasl.passwordSecretRef"),
    Refusal(("sasl.jaas.config",), "use spec.sasl"),
    Refusal(
        ("ssl.ca.location", "ssl.ca.pem", "ssl_ca", "ssl.ca.certificate.stores", "ssl.truststore.location"),
        "use spec.tls.caSecretRef or spec.tls.caConfigMapRef",
    ),
    Refusal(
        (
            "ssl.certificate.location",
            "ssl.certificate.pem",
            "ssl_certificate",
            "ssl.key.location",
            "ssl.key.pem",
            "ssl_key",
            "ssl.key.password",
            "ssl.keystore.location",
            "ssl.keystore.password",
        ),
        "use spec.tls.clientCertSecretRef",
    ),
    Refusal(("ssl.crl.location", "https.ca.location", "https.ca.pem"), "it reads files of the exporter; remove it"),
    Refusal(
        ("plugin.library.paths", "interceptors", "ssl.engine.location", "ssl.engine.id", "ssl.providers"),
        "it loads code into the exporter; remove it",
    ),
    Refusal(
        (
            "sasl.kerberos.service.name",
            "sasl.kerberos.principal",
            "sasl.kerberos.kinit.cmd",
            "sasl.kerberos.keytab",
            "sasl.kerberos.min.time.before.relogin",
        ),
        "Kerberos is not supported; use spec.sasl with SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN",
    ),
    Refusal(
        (
            "enable.sasl.oauthbearer.unsecure.jwt",
            *(
                _OAUTH + name
                for name in (
                    "config",
                    "method",
                    "client.id",
                    "client.credentials.client.id",
                    "client.secret",
                    "client.credentials.client.secret",
                    "scope",
                    "extensions",
                    "token.endpoint.url",
                    "grant.type",
                    "sub.claim.name",
                    "metadata.authentication.type",
                )
            ),
            *(
                _ASSERTION + name
                for name in (
                    "algorithm",
                    "private.key.file",
                    "private.key.passphrase",
                    "private.key.pem",
                    "file",
                    "claim.aud",
                    "claim.exp.seconds",
                    "claim.iss",
                    "claim.jti.include",
                    "claim.nbf.seconds",
                    "claim.sub",
                    "jwt.template.file",
                )
            ),
        ),
        "OAUTHBEARER is not supported; use spec.sasl with SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN",
    ),
)


def _refused_everywhere() -> tuple[Refusal, ...]:
    """What the exporter refuses from anybody, its reasons kept together."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in REFUSED.items():
        by_reason.setdefault(reason, []).append(name)
    return tuple(Refusal(tuple(names), reason) for reason, names in by_reason.items())


REFUSALS: tuple[Refusal, ...] = (*_DANGEROUS, *_refused_everywhere())

INSTEAD: Mapping[str, str] = {name: refusal.instead for refusal in REFUSALS for name in refusal.names}


def refusal(name: str) -> str | None:
    """The sentence about one property of ``customConfig``, without the path; None when it may be set."""
    instead = INSTEAD.get(name)
    return None if instead is None else f"{name} is refused: {instead}."


def _protocol(spec: Fields) -> str:
    return str(spec.get("securityProtocol", "PLAINTEXT"))


def _idempotence_has_acks(spec: Fields) -> bool:
    custom = spec.get("customConfig", {})
    wanted = str(custom.get("enable.idempotence", "")).lower() == "true"
    overridden = "acks" in custom or "request.required.acks" in custom
    return not wanted or overridden or spec.get("acks", "all") == "all"


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
        "!(string(self.customConfig['enable.idempotence']) in ['true', 'True', 'TRUE']) || "
        "'acks' in self.customConfig || 'request.required.acks' in self.customConfig",
        _idempotence_has_acks,
        "enable.idempotence=true in customConfig needs acks all: set acks to all, or remove it.",
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
)
