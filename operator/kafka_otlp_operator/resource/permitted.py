"""The librdkafka properties that ``customConfig`` may set: those that are named here, and no others. Pure.

The platform's administrator may allow more with the operator's setting ``allowed_properties``, but none that ``refusals``
refuses. A name that this table does not know is refused, because a later librdkafka may give it a meaning that nobody has
reviewed.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from kafka_otlp_operator.resource import refusals

# The table comes from CONFIGURATION.md of this release. A test compares both with the librdkafka that is installed.
LIBRDKAFKA = "2.16.0"
SETTING = "KAFKA_OTLP_OPERATOR_ALLOWED_PROPERTIES"

PROPERTIES: frozenset[str] = frozenset(
    {
        # Acknowledgements, timeouts and retries.
        "acks",
        "delivery.timeout.ms",
        "enable.idempotence",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "message.send.max.retries",
        "message.timeout.ms",
        "request.required.acks",
        "request.timeout.ms",
        "retries",
        "retry.backoff.max.ms",
        "retry.backoff.ms",
        # Batches, compression, partitions and the queue.
        "batch.num.messages",
        "batch.size",
        "compression.codec",
        "compression.level",
        "compression.type",
        "linger.ms",
        "message.max.bytes",
        "partitioner",
        "queue.buffering.backpressure.threshold",
        "queue.buffering.max.kbytes",
        "queue.buffering.max.messages",
        "queue.buffering.max.ms",
        "sticky.partitioning.linger.ms",
        # Connections to brokers, and metadata.
        "api.version.request.timeout.ms",
        "broker.address.family",
        "broker.address.ttl",
        "client.dns.lookup",
        "client.rack",
        "connections.max.idle.ms",
        "metadata.max.age.ms",
        "metadata.recovery.rebootstrap.trigger.ms",
        "metadata.recovery.strategy",
        "reconnect.backoff.jitter.ms",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
        "socket.connection.setup.timeout.ms",
        "socket.keepalive.enable",
        "socket.max.fails",
        "socket.nagle.disable",
        "socket.timeout.ms",
        "topic.metadata.propagation.max.ms",
        "topic.metadata.refresh.fast.cnt",
        "topic.metadata.refresh.fast.interval.ms",
        "topic.metadata.refresh.interval.ms",
        "topic.metadata.refresh.sparse",
    }
)

_MEMORY = "it uses memory of the pod that the exporter does not count"
_NO_EFFECT = "it has no effect on this exporter"

# Properties that are harmless on some platforms only, each with the reason.
OF_THE_PLATFORM: Mapping[str, str] = {
    "allow.auto.create.topics": "the owner of the Kafka cluster decides whether clients may create topics",
    "enable.metrics.push": "it sends measurements of the pods to the brokers",
    "enable.random.seed": _NO_EFFECT,
    "log.connection.close": "it may flood the log",
    "message.copy.max.bytes": _MEMORY,
    "produce.offset.report": _NO_EFFECT,
    "queuing.strategy": "it may change the order of records",
    "receive.message.max.bytes": _MEMORY,
    "socket.blocking.max.ms": _NO_EFFECT,
    "socket.receive.buffer.bytes": _MEMORY,
    "socket.send.buffer.bytes": _MEMORY,
}


def refusal(name: str, allowed: Collection[str]) -> str | None:
    """The sentence that refuses a property of ``customConfig``, without the path; None when the property may be set.

    ``allowed`` are the properties that the platform's administrator allows beyond the table.
    """
    if name in PROPERTIES or name in allowed:
        return None
    ask = f"remove it, or ask the platform's administrator to allow it with the operator's {SETTING}"
    if reason := OF_THE_PLATFORM.get(name):
        return f"{name} is refused: {reason}; {ask}."
    near = difflib.get_close_matches(name, PROPERTIES, n=1)
    meant = f"did you mean {near[0]}? Otherwise " if near else ""
    return (
        f"{name} is refused: the documentation of librdkafka {LIBRDKAFKA} has no such producer property; {meant}{ask}."
    )


def not_to_allow(names: Collection[str]) -> str | None:
    """The sentence that says why an administrator cannot allow one of these properties; None when all may be allowed."""
    for name in names:
        if sentence := refusals.refusal(name):
            return f"{sentence} No setting can allow it."
    return None
