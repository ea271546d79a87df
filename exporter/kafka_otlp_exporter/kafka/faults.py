"""What librdkafka's errors mean: the reason, the sentence for a client, and the sentence for an administrator. Pure.

The names are those of librdkafka's error codes (rdkafka.h, ``rd_kafka_resp_err_t``). librdkafka's own text is used to
tell errors apart. It must never reach a client or a status, because it may repeat configuration values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kafka_otlp_exporter.outcomes import Reason, Unavailable


@dataclass(frozen=True, slots=True)
class Fault:
    """An error of librdkafka for one record or one connection: its name (``_MSG_TIMED_OUT``) and its text.

    The text is only used to tell errors apart. It may repeat configuration values, so it is never shown.
    """

    name: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Meaning:
    reason: Reason
    sentence: str
    retry_after: float = 1.0


_UNKNOWN_TOPIC = _Meaning(
    Reason.UNKNOWN_TOPIC, "topic {topic} does not exist and the brokers do not create it: create it", 5.0
)
_REPLICAS = _Meaning(
    Reason.NOT_ENOUGH_REPLICAS,
    "topic {topic} has fewer in-sync replicas than its min.insync.replicas: bring its brokers back",
    5.0,
)
_TIMED_OUT = _Meaning(Reason.TIMED_OUT, "Kafka did not acknowledge the record in time")
_UNREACHABLE = _Meaning(Reason.KAFKA_UNREACHABLE, "no Kafka broker can be reached")
_FAILED = _Meaning(Reason.PRODUCER_FAILED, "the connection to Kafka is being built anew")

# By the names of librdkafka's error codes.
_MEANINGS: Mapping[str, _Meaning] = {
    "_ALL_BROKERS_DOWN": _UNREACHABLE,
    "_AUTHENTICATION": _Meaning(Reason.AUTHENTICATION_FAILED, "Kafka refused the credentials", 5.0),
    "SASL_AUTHENTICATION_FAILED": _Meaning(Reason.AUTHENTICATION_FAILED, "Kafka refused the credentials", 5.0),
    "_FATAL": _FAILED,
    "_MSG_TIMED_OUT": _TIMED_OUT,
    "_PURGE_INFLIGHT": _FAILED,
    "_PURGE_QUEUE": _FAILED,
    "_QUEUE_FULL": _Meaning(Reason.QUEUE_FULL, "the producer's queue is full: Kafka takes less than arrives"),
    "_RESOLVE": _Meaning(Reason.NAME_NOT_RESOLVED, "the name of a broker cannot be resolved"),
    "_SSL": _Meaning(Reason.CERTIFICATE_NOT_TRUSTED, "the TLS connection to a broker fails", 5.0),
    "_TIMED_OUT": _TIMED_OUT,
    "_TRANSPORT": _UNREACHABLE,
    "_UNKNOWN_PARTITION": _UNKNOWN_TOPIC,
    "_UNKNOWN_TOPIC": _UNKNOWN_TOPIC,
    "CLUSTER_AUTHORIZATION_FAILED": _Meaning(
        Reason.NOT_AUTHORIZED, "Kafka does not allow this user to produce idempotently: grant IdempotentWrite", 5.0
    ),
    "INVALID_RECORD": _Meaning(
        Reason.REFUSED_BY_KAFKA,
        "topic {topic} refused a batch. When the topic is compacted, every record needs a key: set cleanup.policy=delete, or a "
        "partition option for this signal",
        5.0,
    ),
    "INVALID_TIMESTAMP": _Meaning(
        Reason.REFUSED_BY_KAFKA,
        "topic {topic} refused the time of a record: compare the clock of this host with the topic's "
        "message.timestamp.before.max.ms and message.timestamp.after.max.ms",
        5.0,
    ),
    "MSG_SIZE_TOO_LARGE": _Meaning(
        Reason.TOO_LARGE_FOR_TOPIC,
        "topic {topic} takes no batch as large as this one: raise its max.message.bytes, or lower maxMessageBytes "
        "and batchSize",
        5.0,
    ),
    "NOT_ENOUGH_REPLICAS": _REPLICAS,
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND": _REPLICAS,
    "REQUEST_TIMED_OUT": _TIMED_OUT,
    "TOPIC_AUTHORIZATION_FAILED": _Meaning(
        Reason.NOT_AUTHORIZED, "Kafka does not allow this user to write to topic {topic}: grant it Write", 5.0
    ),
    "TOPIC_EXCEPTION": _UNKNOWN_TOPIC,
    "UNKNOWN_TOPIC_OR_PART": _UNKNOWN_TOPIC,
}
# Of an error that is not in the table.
_OTHER = _Meaning(Reason.REFUSED_BY_KAFKA, "Kafka refused the record ({name})")

# The broker's address in librdkafka's text: "sasl_ssl://kafka-0.kafka:9093/bootstrap: ...".
_BROKER = re.compile(r"(?:^|\s|//)([^/\s]+:[0-9]+)/")
# A TLS alert comes from the other side: the broker judged our certificate (RFC 8446, section 6.2).
_CLIENT_CERTIFICATE = re.compile(r"\balert\b.{0,40}(certificate|unknown ca)", re.IGNORECASE | re.DOTALL)
# What the broker has sent in SaslHandshakeResponse: nothing, when the port has no SASL.
_MECHANISMS = re.compile(r"supported mechanisms: *([A-Z0-9_, -]{0,200})(?=\s*(?:\(|$))")


def of_records(faults: Sequence[Fault], topic: str) -> Unavailable:
    """The answer to a request of which Kafka did not take some records. ``faults`` are theirs, and the first decides."""
    meaning = _MEANINGS.get(faults[0].name, _OTHER)
    message = meaning.sentence.format(topic=topic, name=faults[0].name)
    return Unavailable(meaning.reason, f"{message}.", meaning.retry_after)


@dataclass(frozen=True, slots=True)
class Identity:
    """The brokers that are configured, and how the exporter logs in to them: for sentences about connections."""

    brokers: str
    username: str | None = None
    mechanism: str | None = None


def of_connection(fault: Fault, identity: Identity) -> tuple[Reason, str]:
    """Why Kafka is not reached: the reason, and a sentence that names the broker and says what to check."""
    found = _BROKER.search(fault.text)
    at = f"Kafka at {found[1] if found else identity.brokers}"
    reason = _MEANINGS.get(fault.name, _UNREACHABLE).reason
    if _CLIENT_CERTIFICATE.search(fault.text):
        return (
            Reason.CLIENT_CERTIFICATE_REFUSED,
            f"{at} refused the client certificate, or was sent none: check that the broker trusts the issuer of tls.crt, that "
            "tls.crt has the intermediate certificates too, and its end date.",
        )
    if reason is Reason.AUTHENTICATION_FAILED and "verif" not in fault.text.lower():
        return _of_login(fault, identity, at)
    if "verif" in fault.text.lower() or "certificate" in fault.text.lower():
        return (
            Reason.CERTIFICATE_NOT_TRUSTED,
            f"the certificate of {at} is not trusted: check ca.crt, and that the certificate names this host.",
        )
    if reason is Reason.NAME_NOT_RESOLVED:
        return reason, f"the name of {at} cannot be resolved: check the brokers' names and the cluster's DNS."
    if reason is Reason.CERTIFICATE_NOT_TRUSTED:
        return reason, f"TLS with {at} fails: check that this port speaks TLS, and the certificates."
    return (
        Reason.KAFKA_UNREACHABLE,
        f"{at} cannot be reached: check the address, the network, and that the security protocol is that of the port.",
    )


# What a client is told when Kafka is not reached. Names of brokers and users are for administrators.
_OUTAGES: Mapping[Reason, str] = {
    Reason.AUTHENTICATION_FAILED: "Kafka refuses the credentials of the exporter",
    Reason.CERTIFICATE_NOT_TRUSTED: "the exporter does not trust the certificate of a Kafka broker, or TLS with it fails",
    Reason.CLIENT_CERTIFICATE_REFUSED: "Kafka refuses the certificate of the exporter",
    Reason.KAFKA_UNREACHABLE: "no Kafka broker can be reached",
    Reason.MECHANISM_NOT_ENABLED: "Kafka does not take the SASL mechanism of the exporter",
    Reason.NAME_NOT_RESOLVED: "the name of a Kafka broker cannot be resolved",
    Reason.SASL_NOT_ENABLED: "Kafka has no SASL on the port that the exporter uses",
}


def of_outage(fault: Fault) -> Unavailable:
    """The answer to a request that was not acknowledged in time, when this fault keeps Kafka from being reached."""
    reason, _ = of_connection(fault, Identity(""))
    retry_after = 1.0 if reason is Reason.KAFKA_UNREACHABLE else 5.0
    return Unavailable(reason, f"{_OUTAGES[reason]}.", retry_after)


def _of_login(fault: Fault, identity: Identity, at: str) -> tuple[Reason, str]:
    """Why a login failed. Of librdkafka's text only the names of mechanisms are shown, which the broker has sent."""
    listed = _MECHANISMS.search(fault.text)
    if listed is not None and not listed[1].strip():
        return (
            Reason.SASL_NOT_ENABLED,
            f"{at} has no SASL on this port: use a port of the brokers that has it, or securityProtocol SSL or PLAINTEXT.",
        )
    enabled = [name.strip() for name in listed[1].split(",")] if listed is not None else []
    if enabled and identity.mechanism not in enabled:
        return (
            Reason.MECHANISM_NOT_ENABLED,
            f"{at} does not take the mechanism {identity.mechanism}: it takes {', '.join(enabled)}.",
        )
    who = f'user "{identity.username}"' if identity.username else "the user of the credentials folder"
    who += f" ({identity.mechanism})" if identity.mechanism else ""
    return Reason.AUTHENTICATION_FAILED, f"{at} refused {who}: check the user name, the password and the mechanism."
