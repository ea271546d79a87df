"""How the times of a producer follow from one another."""

from __future__ import annotations

from typing import Any

import pytest

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.properties import Credentials, producer_properties
from kafka_otlp_exporter.config.rows import Contradiction


def properties(**given: Any) -> dict[str, str]:
    """The configuration of a producer with these options."""
    return producer_properties(Options(**given), Credentials())


@pytest.mark.parametrize(
    ("given", "linger", "timeout"),
    [
        ({"message_timeout_ms": 5}, "4", "5"),
        ({"message_timeout_ms": 1}, "0", "1"),
        ({"message_timeout_ms": 0}, "5", "0"),
        ({"message_timeout_ms": 0, "linger_ms": 29_999}, "29999", "0"),
        ({"message_timeout_ms": 100, "linger_ms": 200}, "200", "100"),
        ({"custom_config": {"delivery.timeout.ms": "3"}}, "2", "3"),
        ({"custom_config": {"linger.ms": "0.5"}}, "0.5", "30000"),
    ],
)
def test_a_default_moves_out_of_the_way_of_what_was_set(given: dict[str, Any], linger: str, timeout: str):
    """The linger time stays below the message timeout; when both were set, librdkafka judges them."""
    made = properties(**given)
    assert (made["queue.buffering.max.ms"], made["message.timeout.ms"]) == (linger, timeout)


@pytest.mark.parametrize(
    ("given", "first", "longest"),
    [
        ({"retry_backoff_ms": 5000}, "5000", "6000"),
        ({"retry_backoff_ms": 1000}, "1000", "1000"),
        ({"retry_backoff_max_ms": 50}, "50", "50"),
        ({"retry_backoff_max_ms": 50, "retry_backoff_ms": 100}, "100", "50"),
    ],
)
def test_the_longest_wait_is_no_shorter_than_the_first(given: dict[str, Any], first: str, longest: str):
    """librdkafka would refuse the pair, so the one that was not set adapts."""
    made = properties(**given)
    assert (made["retry.backoff.ms"], made["retry.backoff.max.ms"]) == (first, longest)


@pytest.mark.parametrize(
    ("given", "message", "connection"),
    [
        ({}, "30000", "7500"),
        ({"request_timeout": "5s"}, "5000", "1250"),
        ({"request_timeout": "2s"}, "2000", "1000"),
        ({"request_timeout": "15m"}, "900000", "60000"),
        ({"message_timeout_ms": 300_000}, "300000", "7500"),
        ({"message_timeout_ms": 0}, "0", "7500"),
        ({"custom_config": {"message.timeout.ms": "300000", "socket.timeout.ms": "60000"}}, "300000", "60000"),
    ],
)
def test_what_is_not_set_follows_from_the_request_timeout(given: dict[str, Any], message: str, connection: str):
    """A record leaves the producer when its client is told to send again; a frozen broker is given up well before."""
    made = properties(**given)
    assert (made["message.timeout.ms"], made["socket.timeout.ms"]) == (message, connection)


@pytest.mark.parametrize(
    ("given", "option", "waits", "call"),
    [
        ({"linger_ms": 30_000}, "linger-ms", "30000", "30000"),
        ({"linger_ms": 60_000}, "linger-ms", "60000", "30000"),
        ({"linger_ms": 5000, "request_timeout": "4s"}, "linger-ms", "5000", "4000"),
        ({"custom_config": {"linger.ms": "30000.5"}}, "custom-config", "30000.5", "30000"),
    ],
)
def test_records_that_would_wait_longer_than_their_calls_are_refused(
    given: dict[str, Any], option: str, waits: str, call: str
):
    """Every call would be told to send again, and every attempt would be written."""
    with pytest.raises(Contradiction) as caught:
        properties(**given)
    assert str(caught.value) == (
        f"--kafka-exporter-{option}: records would wait {waits} ms for others, and every call would be told to send again "
        f"after {call} ms (--kafka-exporter-request-timeout); make the first smaller than the second."
    )


@pytest.mark.parametrize(("call", "timeout"), [("1ms", "1"), ("5ms", "5")])
def test_a_wait_that_was_not_set_gives_way_to_a_short_call(call: str, timeout: str):
    """Nobody asked for those 5 ms. The record leaves the producer with its call all the same."""
    made = properties(request_timeout=call)
    assert (made["queue.buffering.max.ms"], made["message.timeout.ms"]) == ("0", timeout)
