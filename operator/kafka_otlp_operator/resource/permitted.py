"""The librdkafka properties that ``customConfig`` may set: those that are named here, and no others. Pure.

``spec`` asks it at every reconcile. What ``refusals`` refuses is refused for good; of the rest the platform's
administrator may allow more, with the operator's setting ``allowed_properties``. A name that this table does not know is
refused: a later librdkafka may give it a meaning that nobody has judged.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from kafka_otlp_operator.resource import refusals

# The release whose CONFIGURATION.md the table was made from: a test holds both against the librdkafka that is installed.
LIBRDKAFKA = "2.16.0"
SETTING = "KAFKA_OTLP_OPERATOR_ALLOWED_PROPERTIES"

PROPERTIES: frozenset[str] = frozenset(
    {
        # What a record is worth waiting for, and what is done when it fails.
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
        # How records become batches, and where they go.
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
        # How brokers are found and kept.
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

_MEMORY = "it takes memory of the pod that is not counted"
_NO_EFFECT = "it has no effect on this exporter"

# What is harmless to some platforms and not to others: property to the reason.
OF_THE_PLATFORM: Mapping[str, str] = {
    "allow.auto.create.topics": "whether clients may create topics is for those to say who keep the Kafka",
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
    """Why ``customConfig`` must not set a property, in a sentence without the path; None when it may.

    ``allowed`` is what the platform's administrator allows beyond the table.
    """
    if name in PROPERTIES or name in allowed:
        return None
    ask = f"remove it, or have the platform's administrator allow it with the operator's {SETTING}"
    if reason := OF_THE_PLATFORM.get(name):
        return f"{name} is refused: {reason}; {ask}."
    near = difflib.get_close_matches(name, PROPERTIES, n=1)
    meant = f"did you mean {near[0]}? Else " if near else ""
    return f"{name} is refused: the documentation of librdkafka {LIBRDKAFKA} names no such property of a producer; {meant}{ask}."


def not_to_allow(names: Collection[str]) -> str | None:
    """Why an administrator cannot allow these properties, in a sentence; None when every one may be allowed."""
    for name in names:
        if sentence := refusals.refusal(name):
            return f"{sentence} No setting can allow it."
    return None
