"""The librdkafka properties that ``customConfig`` must not set, and what to do instead: one table. Pure.

The API server (by CEL) and Python refuse them with the same sentence. No setting of the operator can allow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kafka_otlp_exporter.config.properties import REFUSED


@dataclass(frozen=True)
class Refusal:
    """librdkafka properties that ``customConfig`` must not set, and what to do instead."""

    names: tuple[str, ...]
    instead: str


@dataclass(frozen=True)
class Family:
    """Properties that are refused by the begin or the end of their name, not by both; ``example`` is one of them."""

    begins: str
    ends: str
    example: str
    instead: str

    def has(self, name: str) -> bool:
        """Whether a property belongs to the family."""
        return name.startswith(self.begins) and name.endswith(self.ends)


_OAUTH = "sasl.oauthbearer."
_ASSERTION = _OAUTH + "assertion."
_FUNCTION = "its value is a function or an object inside of a program, never a text; remove it"

# The names are from librdkafka's CONFIGURATION.md. Those that are missing there are from its table rd_kafka_properties.
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
        ("plugin.library.paths", "ssl.engine.location", "ssl.engine.id", "ssl.providers"),
        "it loads code into the exporter; remove it",
    ),
    Refusal(
        ("enable.ssl.certificate.verification", "ssl.endpoint.identification.algorithm"),
        "without these checks any server could pose as a broker and receive the password; to trust the brokers' own "
        "certificate authority use spec.tls.caSecretRef or spec.tls.caConfigMapRef",
    ),
    Refusal(
        ("ssl.cipher.suites", "ssl.curves.list", "ssl.sigalgs.list"),
        "it can switch encryption off; the exporter and the brokers negotiate safe values by themselves; remove it",
    ),
    Refusal(
        ("api.version.request", "api.version.fallback.ms", "broker.version.fallback"),
        "brokers report by themselves which versions they understand; remove it",
    ),
    Refusal(("builtin.features",), "it describes how librdkafka was built and is not a setting; remove it"),
    Refusal(("topic.blacklist",), "Kafka would never accept telemetry for a topic that it hides; remove it"),
    Refusal(
        ("debug", "log_level", "log.queue", "log.thread.name"),
        "it would flood or silence the exporter's log, which has the warnings of librdkafka; remove it",
    ),
    Refusal(
        ("default.topic.config", "default_topic_conf"),
        "properties of topics are set like the others; use spec.customConfig for each of them",
    ),
    Refusal(
        ("interceptors", "opaque", "on_delivery", "logger", "msg_order_cmp", "ssl_engine_callback_data"),
        _FUNCTION,
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
    """The properties that the exporter itself refuses; those with the same reason form one refusal."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in REFUSED.items():
        by_reason.setdefault(reason, []).append(name)
    return tuple(Refusal(tuple(names), reason) for reason, names in by_reason.items())


REFUSALS: tuple[Refusal, ...] = (*_DANGEROUS, *_refused_everywhere())

# A property that a later librdkafka adds to a family is refused as well.
FAMILIES: tuple[Family, ...] = (
    Family("", "_cb", "oauth_cb", _FUNCTION),
    Family("group.", "", "group.id", "it is a setting of consumers, but the exporter is a producer; remove it"),
    Family(
        "client.software.",
        "",
        "client.software.name",
        "brokers must be able to see which client this is; for a name of your own use spec.clientId",
    ),
)

INSTEAD: Mapping[str, str] = {name: refusal.instead for refusal in REFUSALS for name in refusal.names}


def refusal(name: str) -> str | None:
    """The sentence that refuses a property of ``customConfig``, without the path; None when the property may be set."""
    family = next((family.instead for family in FAMILIES if family.has(name)), None)
    instead = INSTEAD.get(name, family)
    return None if instead is None else f"{name} is refused: {instead}."
