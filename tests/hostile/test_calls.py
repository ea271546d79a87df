"""Calls that their clients give up, and text that would do harm where it is shown."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import grpc
import pytest

from kafka_otlp_exporter.config.settings import MEBIBYTE
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.beds.http2 import message
from tests.hostile.target import FULL, TRACES, Row, Target
from tests.unit.kafka_otlp_exporter import samples

CALLS = 30_000 if FULL else 6000
SIDE_BY_SIDE = 200


async def _given_up(target: Target, row: Row, calls: int, seconds: float, *, cancel: bool) -> Counter[str]:
    """How so many calls have ended that get ``seconds`` each, by deadline or by being cancelled."""
    told: Counter[str] = Counter()
    numbers = iter(range(calls))

    async def client() -> None:
        channel: Any = grpc.aio.insecure_channel(target.otlp, [("grpc.use_local_subchannel_pool", 1)])
        async with channel:
            for number in numbers:
                payload = samples.traces(1, f"given up {cancel} {number}")
                call = channel.unary_unary(TRACES)(payload, timeout=30 if cancel else seconds)
                if cancel:
                    asyncio.get_running_loop().call_later(seconds, call.cancel)
                code = (await call.code()).name
                told[code] += 1
                (row.accepted if code == "OK" else row.perhaps)(payload)

    # A hung call would end this, and the test with it.
    await asyncio.wait_for(asyncio.gather(*(client() for _ in range(SIDE_BY_SIDE))), 240)
    return told


@pytest.mark.parametrize("cancel", [True, False], ids=["cancelled", "past their deadline"])
def test_calls_that_are_given_up_leave_memory_flat(target: Target, cancel: bool):
    """Every call ends, and the second half costs nothing more: 30,000 in full, else 6,000.

    Many take longer than their clients wait: their records may be in Kafka or not.
    """
    ends = {"OK", "CANCELLED", "UNAVAILABLE"} if cancel else {"OK", "CANCELLED", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
    for mebibytes in (32, 16):
        with target.row(mebibytes, may_wait=True) as row:
            told = asyncio.run(_given_up(target, row, CALLS // 2, 0.05, cancel=cancel))
            print(told)
            assert told.total() == CALLS // 2
            assert told.keys() <= ends


HARM = {
    "NUL": "a\x00b",
    "newline": 'a\n{"event": "forged"}',
    "carriage return": "a\r\nb",
    "ANSI": "\x1b[2J\x1b[31mred",
    "bidirectional": "\u202etxt.exe",
    "JSON": '"}, {"event": "forged", "x": "',
    "format": "%s %n {0} ${jndi:ldap://x/a}",
    "megabyte": "m4rk" * (MEBIBYTE // 4),
}


@pytest.mark.parametrize("kind", HARM)
def test_what_a_client_wrote_is_in_kafka_alone(target: Target, kind: str):
    """Names and values are delivered as they are, and shown neither in the log, nor in metrics, status or headers.

    What is too large for a record is told by its service's name, which is shown escaped and cut short.
    """
    text = f"c4nary {HARM[kind]}"
    with target.row(16) as row:
        request: Any = SIGNALS[Signal.TRACES].request()
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key=text[:1000]).value.string_value = text[:1000]
        resource.schema_url = text[:1000]
        span = resource.scope_spans.add().spans.add(name=text[:300_000], trace_state=text[:1000])
        span.status.message = text[:1000]
        payload = request.SerializeToString()
        assert row.send(payload).code == "OK"
        assert row.send(payload + b"\xff").code == "INVALID_ARGUMENT"
    shown = target.exporter.log + target.exporter.metrics() + str(target.exporter.status())
    assert "c4nary" not in shown


@pytest.mark.parametrize("kind", HARM)
def test_a_service_that_is_named_in_a_sentence_is_escaped_and_cut_short(target: Target, kind: str):
    """The one text of a client's that is shown: whose item was too large."""
    text = f"s3rvice {HARM[kind]}"
    with target.row(32) as row:
        request: Any = SIGNALS[Signal.TRACES].request()
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = text
        resource.scope_spans.add().spans.add(name="x" * 2 * MEBIBYTE)
        answer = row.export(message(request.SerializeToString()), b"")
        assert answer.code == "OK"
        response: Any = SIGNALS[Signal.TRACES].response.FromString(answer.body[5:])
        assert response.partial_success.rejected_spans == 1
        sentence = response.partial_success.error_message
        assert sentence.isprintable()
        assert len(sentence) < 1000
    for line in target.exporter.log.splitlines():
        assert line.isprintable()
        assert line.startswith("{")
        assert len(line) < 2000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-forged", "a\r\nforged: 1"),
        ("x-nul", "a\x00b"),
        ("x-ansi", "\x1b[2J"),
        ("x-utf", "\u202e"),
        ("X-Upper", "a"),
        ("x bad name", "a"),
        ("", "a"),
        (":status", "200"),
        ("content-length", "1"),
        ("content-length", "-1"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("grpc-timeout", "99999999999H"),
        ("grpc-timeout", "-1S"),
        ("grpc-timeout", "0n"),
        ("grpc-status-details-bin", "!!!"),
        ("grpc-encoding", "gzip"),
        ("host", "otherwhere"),
    ],
)
def test_header_fields_of_a_client_reach_neither_the_log_nor_kafka(target: Target, name: str, value: str):
    """The call is served or refused; a record has two headers of ours, whatever the call had."""
    payload = samples.traces(1, f"{name} {value}")
    with target.row(2) as row, target.peer() as peer:
        answer = peer.call(TRACES, message(payload), {name: value, "x-c4nary": "c4nary"}, seconds=5)
        row.heard(answer, payload)
        if answer.code != "OK":
            row.perhaps(payload)
    assert "c4nary" not in target.exporter.log
    assert "forged" not in target.exporter.log
