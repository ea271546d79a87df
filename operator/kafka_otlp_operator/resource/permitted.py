"""The librdkafka properties that ``customConfig`` may set: those that ``PROPERTIES`` names, and no others. Pure.

The platform's administrator may allow more with the operator's setting ``allowed_properties``, but none that ``refusals``
refuses. A name that this table does not know is refused, because a later librdkafka may give it a meaning that nobody has
reviewed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kafka_otlp_exporter.config.librdkafka import DOCUMENTED_IN, PROPERTIES, nearest
from kafka_otlp_operator.resource import refusals

SETTING = "KAFKA_OTLP_OPERATOR_ALLOWED_PROPERTIES"

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
    meant = f"did you mean {near}? Otherwise " if (near := nearest(name)) else ""
    return f"{name} is refused: the documentation of librdkafka {DOCUMENTED_IN} has no such producer property; {meant}{ask}."


def not_to_allow(names: Collection[str]) -> str | None:
    """The sentence that says why an administrator cannot allow one of these properties; None when all may be allowed."""
    for name in names:
        if sentence := refusals.refusal(name):
            return f"{sentence} No setting can allow it."
    return None
