"""How the times of a producer follow from one another: what was not set adapts to what was. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kafka_otlp_exporter.config import options as table
from kafka_otlp_exporter.config.librdkafka import canonical
from kafka_otlp_exporter.config.options import Options, kafka_property
from kafka_otlp_exporter.config.rows import Contradiction, Spelling

# librdkafka asks a broker that has frozen again until socket.timeout.ms is over, and only then the partition's new leader.
# A quarter of requestTimeout leaves time for that. It is never so short that a busy broker would be taken for a frozen one.
_SOCKET_TIMEOUT_SHARE = 4
_LEAST_SOCKET_TIMEOUT_MS = 1000
_MOST_SOCKET_TIMEOUT_MS = 60_000  # librdkafka's default


def within_the_request(options: Options) -> dict[str, str]:
    """Defaults that follow from requestTimeout.

    A client that was told to send again does so. A record that stayed in the producer any longer would become one copy more.
    """
    timeout = round(options.request_timeout.total_seconds() * 1000)
    share = timeout // _SOCKET_TIMEOUT_SHARE
    found = {"socket.timeout.ms": str(min(max(share, _LEAST_SOCKET_TIMEOUT_MS), _MOST_SOCKET_TIMEOUT_MS))}
    if "message_timeout_ms" not in options.model_fields_set:
        found["message.timeout.ms"] = str(timeout)
    return found


def send_in_time(options: Options, custom: Mapping[str, str], properties: dict[str, str], spelling: Spelling) -> None:
    """Refuse to wait for other records until every call has timed out. A wait that was not set gives way."""
    name = "queue.buffering.max.ms"
    timeout = options.request_timeout.total_seconds() * 1000
    if float(properties[name]) < timeout:
        return
    if name not in custom and "linger_ms" not in options.model_fields_set:
        properties[name] = "0"
        return
    row = spelling(table.ROWS["linger_ms"] if name not in custom else table.ROWS["custom_config"])
    raise Contradiction(
        f"{row}: records would wait {properties[name]} ms for others, and every call would be told to send again after "
        f"{timeout:g} ms ({spelling(table.ROWS['request_timeout'])}); make the first smaller than the second."
    )


def keep_order(options: Options, custom: Mapping[str, str], properties: dict[str, str]) -> None:
    """Adapt a default to a neighbour that was set: librdkafka refuses a smaller one that exceeds the larger one."""
    for smaller, larger, apart in (
        ("linger_ms", "message_timeout_ms", 1),
        ("retry_backoff_ms", "retry_backoff_max_ms", 0),
    ):
        low, high = canonical(kafka_property(smaller)), canonical(kafka_property(larger))
        try:
            low_value, high_value = int(properties[low]), int(properties[high])
        except ValueError:
            continue  # custom config; librdkafka names what is wrong with it
        if high_value == 0 or low_value + apart <= high_value:
            continue
        if larger not in options.model_fields_set and high not in custom:
            raised = low_value + int(str(getattr(options, larger)))
            properties[high] = str(min(raised, table.ROWS[larger].maximum or raised))
        elif smaller not in options.model_fields_set and low not in custom:
            properties[low] = str(high_value - apart)
