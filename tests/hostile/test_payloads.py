"""Payloads that are no OTLP, or that are OTLP made to cost as much as it can."""

from __future__ import annotations

import random
from typing import Any

import pytest
from google.protobuf.message import DecodeError

from kafka_otlp_exporter.config.settings import MEBIBYTE
from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.check import check
from kafka_otlp_exporter.otlp.checked import Checked
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.beds.http2 import message
from tests.hostile.target import LARGEST, Target
from tests.hostile.test_messages import compressed
from tests.unit.kafka_otlp_exporter import samples
from tests.unit.kafka_otlp_exporter.otlp.test_wire import MALFORMED, length_delimited, nested

TRACE = SIGNALS[Signal.TRACES].request
# The bytes themselves: gRPC's, ours, librdkafka's and its report's. What is parsed of them at one time is less.
COPIES = 4 * LARGEST / MEBIBYTE


def parses(payload: bytes, signal: Signal) -> bool:
    """Whether protobuf takes it."""
    try:
        SIGNALS[signal].request.FromString(payload)
    except DecodeError:
        return False
    return True


def expected(payload: bytes, signal: Signal) -> Checked | None:
    """What a request becomes, by the function that the laws are about; None when it is refused."""
    try:
        return check(payload, signal)
    except wire.Malformed:
        return None


NO_PROTOBUF = {name: payload for name, payload in MALFORMED.items() if name != "text that is no UTF-8"}


@pytest.mark.parametrize("payload", NO_PROTOBUF.values(), ids=NO_PROTOBUF.keys())
def test_what_is_no_protobuf_is_an_invalid_argument(target: Target, payload: bytes):
    """The sentence holds nothing of the payload, and the log has one line for many."""
    with target.row(2) as row:
        for signal in Signal:
            assert row.send(payload, signal).code == "INVALID_ARGUMENT"
        lines = target.exporter.log.count("request_invalid")
    assert lines <= len(Signal)


@pytest.mark.parametrize("kind", range(6, 8))
def test_a_wire_type_that_does_not_exist_is_an_invalid_argument(target: Target, kind: int):
    """6 and 7 are nobody's, in the middle of a good request too."""
    with target.row(2) as row:
        assert row.send(samples.traces(2) + bytes([1 << 3 | kind]) + samples.traces(2)).code == "INVALID_ARGUMENT"


def test_random_bytes_of_many_sizes_are_answered(target: Target):
    """Refused: they may parse, but they have no field of the request."""
    dice = random.Random(20)
    with target.row(COPIES, beside=True) as row:
        for size in (1, 2, 5, 17, 1000, 100_000, MEBIBYTE + 1, LARGEST):
            assert row.send(dice.randbytes(size), Signal.LOGS).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("signal", Signal)
def test_an_empty_request_is_accepted_and_makes_no_record(target: Target, signal: Signal):
    """OTLP: a request without telemetry is answered with success."""
    with target.row(2) as row:
        assert row.send(b"", signal).code == "OK"


@pytest.mark.parametrize("depth", [47, 48, 49, 1000, 20_000])
def test_values_nest_as_deep_as_protobuf_lets_them(target: Target, depth: int):
    """A log's body may hold 48 lists in one another; a record that is deeper would break a consumer and is rejected alone."""
    payload = nested(depth)
    with target.row(4) as row:
        answer = row.send(payload, Signal.LOGS)
        assert answer.code == "OK"
        response: Any = SIGNALS[Signal.LOGS].response.FromString(answer.body[5:])
        assert response.partial_success.rejected_log_records == (0 if depth <= 48 else 1)
        assert parses(payload, Signal.LOGS) is (depth <= 48)


@pytest.mark.parametrize("depth", [99, 100, 101, 100_000, 4 * MEBIBYTE - 50])
def test_unknown_groups_nest_as_deep_as_protobuf_lets_them(target: Target, depth: int):
    """They are unknown fields to OTLP, forwarded where they are well formed."""
    payload = samples.traces(1) + b"\x0b" * depth + b"\x0c" * depth
    with target.row(COPIES) as row:
        wanted = "OK" if parses(payload, Signal.TRACES) else "INVALID_ARGUMENT"
        assert row.send(payload).code == wanted
        assert (wanted == "OK") is (depth <= 100)


def _spans(number: int) -> bytes:
    return length_delimited(1, length_delimited(2, b"\x12\x00" * number))


def _attributes(number: int) -> bytes:
    return length_delimited(1, length_delimited(2, length_delimited(2, b"\x4a\x00" * number)))


def _resources(number: int) -> bytes:
    return b"\x0a\x00" * number


EMPTY = {"spans": _spans, "attributes": _attributes, "resource_spans": _resources}
# As many as are checked, which is 4 MB of them, and as many as the largest request has room for.
MANY, MOST = wire.MAX_FIELDS - 10_000, LARGEST // 2 - 20


@pytest.mark.parametrize("kind", EMPTY)
def test_as_many_empty_elements_as_are_checked_cost_bounded_memory(target: Target, kind: str):
    """4 MB that parse to 340 MB: valid, so checked in slices; spans are delivered, an attribute's span fits no record."""
    with target.row(COPIES, beside=True) as row:
        answer = row.export(message(EMPTY[kind](MANY)), b"")
        assert answer.code == "OK"
        response: Any = SIGNALS[Signal.TRACES].response.FromString(answer.body[5:])
        assert response.partial_success.rejected_spans == (1 if kind == "attributes" else 0)
        if kind == "spans":
            row.accepted_in_parts(MANY)


@pytest.mark.parametrize("kind", EMPTY)
def test_more_empty_elements_than_are_checked_are_an_invalid_argument(target: Target, kind: str):
    """8 MiB of them, a few kB on the wire: refused as soon as they are counted, without being parsed at once."""
    with target.row(COPIES, beside=True) as row:
        body = compressed(EMPTY[kind](MOST), 31)
        assert len(body) < 40_000
        answer = row.export(message(body, flag=1), others={"grpc-encoding": "gzip"})
        assert answer.code == "INVALID_ARGUMENT"
        assert "send fewer at once" in answer.sentence


def test_many_small_requests_that_inflate_at_one_time_stay_in_the_budget(target: Target):
    """Thirty times 8 MiB out of 8 kB each, side by side: they take turns."""
    body = message(compressed(length_delimited(1, length_delimited(2047, bytes(LARGEST - 16))), 31), flag=1)
    with target.row(3 * COPIES) as row, target.peer() as peer:
        streams = [peer.open(SIGNALS[Signal.LOGS].method, {"grpc-encoding": "gzip"}) for _ in range(30)]
        for stream in streams:
            peer.finish(stream, body, 0)
        for stream in streams:
            row.heard(peer.wait(stream, 60), b"")
        assert row.codes.keys() <= {"OK", "UNAVAILABLE"}
