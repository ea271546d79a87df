"""Whether a protobuf request is what it claims to be."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp.check import check
from kafka_otlp_exporter.otlp.checked import Checked
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.otlp.wire import Malformed, enclose
from tests.unit.kafka_otlp_exporter import samples

NAMES = {signal: str(row.request.DESCRIPTOR.full_name) for signal, row in SIGNALS.items()}


def refusal(payload: bytes, signal: Signal, **given: Any) -> str:
    """The sentence with which a payload is refused as a whole."""
    with pytest.raises(Malformed) as caught:
        check(payload, signal, **given)
    return str(caught.value)


def spans(*bodies: bytes) -> bytes:
    """A request with these spans in one scope."""
    return enclose(1, enclose(2, b"".join(enclose(2, body) for body in bodies)))


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("whole", [0, 1024 * 1024], ids=["slices", "whole"])
def test_a_sound_request_is_left_as_it_came(signal: Signal, whole: int):
    """It is the very object that was given, unknown fields included."""
    payload = samples.OF_EACH[signal](3) + samples.UNKNOWN_FIELD
    checked = check(payload, signal, whole=whole)
    assert checked == Checked(payload, 1 if signal is Signal.METRICS else 3)
    assert checked.payload is payload


@pytest.mark.parametrize("signal", Signal)
def test_a_request_without_items_is_no_fault(signal: Signal):
    """Nothing at all, a resource alone, and an empty scope."""
    for payload in (b"", b"\x0a\x00", b"\x0a\x02\x12\x00"):
        assert check(payload, signal) == Checked(payload, 0)


@pytest.mark.parametrize("sent", Signal)
@pytest.mark.parametrize("asked", Signal)
def test_a_request_of_another_signal_is_refused_with_its_endpoint(sent: Signal, asked: Signal):
    """Whichever two are mixed up."""
    if sent is asked:
        return
    time = {Signal.TRACES: 7, Signal.LOGS: 1}
    ids = {Signal.TRACES: enclose(1, b"t" * 16) + enclose(2, b"s" * 8)}.get(sent, b"")
    # What each SDK writes: a time, and the ids of a span.
    first = ids + bytes([time[sent] << 3 | 1]) + b"\x01" * 8 if sent in time else b""
    payload = (spans(first) if first else b"") + samples.OF_EACH[sent](2)
    assert refusal(payload, asked) == (
        f"the payload is no {NAMES[asked]}, but it looks like {sent.value}: send it to "
        f"{SIGNALS[sent].method.strip('/')}, or over HTTP to /v1/{sent.value}"
    )


def test_a_metric_without_points_is_no_log_record():
    """A sum that was posted as logs: its name is where a log record has its time."""
    assert "looks like metrics" in refusal(bytes.fromhex("0a09120712050a016d3a00"), Signal.LOGS)


@pytest.mark.parametrize("signal", Signal)
def test_a_body_without_any_field_of_the_request_is_refused(signal: Signal):
    """A field that no request has, and one that has another type there."""
    for payload in (samples.UNKNOWN_FIELD, b"\x08\x01"):
        assert refusal(payload, signal) == f"the payload holds no field of an {NAMES[signal]}"


def test_ids_of_a_wrong_length_cost_their_span():
    """The other span stays byte for byte. An id that is absent is none of a wrong length."""
    wrong = bytes.fromhex("0a0e120c120a0a080101010101010101")
    assert check(wrong, Signal.TRACES) == Checked(
        b"\x0a\x02\x12\x00", 0, 1, "resourceSpans[0].scopeSpans[0].spans[0].traceId has 8 bytes, and has to have 16"
    )
    good = enclose(1, b"t" * 16) + enclose(2, b"s" * 8)
    checked = check(spans(good, enclose(2, b"four"), b""), Signal.TRACES)
    assert (checked.payload, checked.items, checked.rejected) == (spans(good, b""), 2, 1)
    assert checked.flaw == "resourceSpans[0].scopeSpans[0].spans[1].spanId has 4 bytes, and has to have 8"


@pytest.mark.parametrize("number", [4, 13], ids=["parent", "link"])
def test_the_ids_of_parents_and_links_are_a_spans_own(number: int):
    """A link has a trace id and a span id."""
    inner = {4: b"x" * 32, 13: enclose(1, b"x" * 20)}[number]
    checked = check(spans(enclose(number, inner)), Signal.TRACES)
    assert (checked.items, checked.rejected) == (0, 1)


def test_log_records_have_ids_too():
    """A trace id of 20 bytes costs its record."""
    payload = samples.logs(1) + enclose(1, enclose(2, enclose(2, enclose(9, b"x" * 20))))
    checked = check(payload, Signal.LOGS)
    assert (checked.items, checked.rejected) == (1, 1)
    assert checked.flaw == "resourceLogs[1].scopeLogs[0].logRecords[0].traceId has 20 bytes, and has to have 16"


def test_what_cannot_be_walked_is_refused_with_the_reason():
    """Nobody knows where its items are."""
    assert refusal(b"\xff\xff", Signal.TRACES) == (
        f"the payload is no valid {NAMES[Signal.TRACES]}: a number is too long, or the payload ends inside it"
    )
    cut = samples.traces(2)[:-1]
    assert (
        refusal(cut, Signal.TRACES)
        == f"the payload is no valid {NAMES[Signal.TRACES]}: the payload ends inside a field"
    )


def test_a_large_request_is_mended_too():
    """It is parsed in slices, and its other spans stay."""
    good, bad = enclose(5, b"x" * 100), enclose(5, b"caf\xe9")
    checked = check(spans(*[good] * 20, bad, *[good] * 20), Signal.TRACES, whole=500)
    assert checked.payload == spans(*[good] * 20, enclose(5, "caf\N{REPLACEMENT CHARACTER}".encode()), *[good] * 20)
    assert (checked.items, checked.rejected, checked.repaired) == (41, 0, 1)
    ExportTraceServiceRequest.FromString(checked.payload)
