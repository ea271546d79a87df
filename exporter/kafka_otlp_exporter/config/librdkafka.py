"""The producer properties of librdkafka that a person may set without harm, and the nearest one to a misspelt name. Pure."""

from __future__ import annotations

import difflib

# The table comes from CONFIGURATION.md of this release. A test compares both with the librdkafka that is installed.
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


def nearest(name: str) -> str | None:
    """The property whose name is most like ``name``; None when none is like it."""
    near = difflib.get_close_matches(name, PROPERTIES, n=1)
    return near[0] if near else None
