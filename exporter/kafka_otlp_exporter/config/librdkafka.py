"""What librdkafka documents of its producer properties: their second names, and which are harmless or numbers. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

# The tables come from CONFIGURATION.md of this release. Tests compare them with the librdkafka that is installed.
DOCUMENTED_IN = "2.16.0"

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

# "Alias for": from the second name of a producer property to its canonical one.
ALIASES: Mapping[str, str] = {
    "acks": "request.required.acks",
    "bootstrap.servers": "metadata.broker.list",
    "compression.type": "compression.codec",
    "delivery.timeout.ms": "message.timeout.ms",
    "linger.ms": "queue.buffering.max.ms",
    "max.in.flight": "max.in.flight.requests.per.connection",
    "retries": "message.send.max.retries",
    "sasl.mechanism": "sasl.mechanisms",
    "sasl.oauthbearer.client.credentials.client.id": "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.credentials.client.secret": "sasl.oauthbearer.client.secret",
}

# The producer properties of the type "integer", canonical names and aliases.
INTEGERS: frozenset[str] = frozenset(
    {
        "acks",
        "api.version.fallback.ms",
        "api.version.request.timeout.ms",
        "batch.num.messages",
        "batch.size",
        "broker.address.ttl",
        "compression.level",
        "connections.max.idle.ms",
        "delivery.timeout.ms",
        "enabled_events",
        "internal.termination.signal",
        "log_level",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "message.copy.max.bytes",
        "message.max.bytes",
        "message.send.max.retries",
        "message.timeout.ms",
        "metadata.max.age.ms",
        "metadata.recovery.rebootstrap.trigger.ms",
        "queue.buffering.backpressure.threshold",
        "queue.buffering.max.kbytes",
        "queue.buffering.max.messages",
        "receive.message.max.bytes",
        "reconnect.backoff.jitter.ms",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
        "request.required.acks",
        "request.timeout.ms",
        "retries",
        "retry.backoff.max.ms",
        "retry.backoff.ms",
        "sasl.kerberos.min.time.before.relogin",
        "sasl.oauthbearer.assertion.claim.exp.seconds",
        "sasl.oauthbearer.assertion.claim.nbf.seconds",
        "socket.blocking.max.ms",
        "socket.connection.setup.timeout.ms",
        "socket.max.fails",
        "socket.receive.buffer.bytes",
        "socket.send.buffer.bytes",
        "socket.timeout.ms",
        "statistics.interval.ms",
        "sticky.partitioning.linger.ms",
        "topic.metadata.propagation.max.ms",
        "topic.metadata.refresh.fast.cnt",
        "topic.metadata.refresh.fast.interval.ms",
        "topic.metadata.refresh.interval.ms",
        "transaction.timeout.ms",
    }
)
# Those of the type "float".
FLOATS: frozenset[str] = frozenset({"linger.ms", "queue.buffering.max.ms"})

# librdkafka reads a leading 0 as octal and 0x as hexadecimal. Nobody means the first, and nobody writes the second.
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_WITH_UNIT = re.compile(r"([0-9]{1,12}) ?([A-Za-z]{1,3})", re.ASCII)
_MILLISECONDS: Mapping[str, int] = {"ms": 1, "s": 1000, "sec": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}
_BYTES: Mapping[str, int] = {
    **dict.fromkeys(("b",), 1),
    **dict.fromkeys(("k", "kb"), 1000),
    **dict.fromkeys(("m", "mb"), 1_000_000),
    **dict.fromkeys(("g", "gb"), 1_000_000_000),
    **dict.fromkeys(("ki", "kib"), 1024),
    **dict.fromkeys(("mi", "mib"), 1024**2),
    **dict.fromkeys(("gi", "gib"), 1024**3),
}
_ACKS = ("-1", "0", "1", "all")


def canonical(name: str) -> str:
    """The canonical name of a property in librdkafka, for either of its names."""
    return ALIASES.get(name, name)


def misread(name: str, value: str) -> str | None:
    """Why librdkafka would not read the value of a property as its author means it, and what to write; None when it would.

    librdkafka takes the digits at the start of a number and ignores what follows: ``5m`` milliseconds are 5. It takes
    any number of acknowledgements up to 1000, and Kafka none but -1, 0 and 1.
    """
    if name in ("acks", "request.required.acks"):
        return None if value in _ACKS else f"{name} has to be 0, 1, -1 or all"
    if name in FLOATS:
        return None if _FLOAT.fullmatch(value) else f"{name} has to be a number in digits{_instead(name, value)}"
    if name in INTEGERS and not _INTEGER.fullmatch(value):
        return f"{name} has to be a whole number in digits{_instead(name, value)}"
    return None


def _instead(name: str, value: str) -> str:
    """What to write instead of a number with a unit; empty for any other text, which may be a secret in a wrong place."""
    unit = "milliseconds" if name.endswith(".ms") else "kilobytes" if name.endswith(".kbytes") else None
    unit = unit or ("bytes" if name.endswith((".bytes", ".size")) else "")
    plain = f", without a unit: it counts {unit}" if unit else ", without a unit"
    found = _WITH_UNIT.fullmatch(value)
    sizes = _MILLISECONDS if unit == "milliseconds" else _BYTES
    if found is None or (factor := sizes.get(found[2].lower())) is None:
        return plain
    number = int(found[1]) * factor
    return f"{plain}; for {value} write {max(1, number // 1024) if unit == 'kilobytes' else number}"


def nearest(name: str) -> str | None:
    """The property whose name is most like ``name``; None when none is like it."""
    near = difflib.get_close_matches(name, PROPERTIES, n=1)
    return near[0] if near else None
