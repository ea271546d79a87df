"""What is saved of a request with faults."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp import mending
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.otlp.wire import enclose

TRACES, METRICS, LOGS = (SIGNALS[signal] for signal in (Signal.TRACES, Signal.METRICS, Signal.LOGS))


def attribute(key: bytes, value: bytes) -> bytes:
    """The body of a KeyValue with a string."""
    return enclose(1, key) + enclose(2, enclose(1, value))


def request(*scopes: bytes, resource: bytes = b"") -> bytes:
    """A request of one resource."""
    return enclose(1, enclose(1, resource) + b"".join(enclose(2, scope) for scope in scopes))


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (b"caf\xe9", "caf\ufffd"),
        (b"a\x80\x80b", "a\ufffd\ufffdb"),
        (b"\xe1\x80\xe2", "\ufffd\ufffd"),
        (b"\xf0\x9f\x98", "\ufffd"),
        (b"\xed\xa0\xbdx", "\ufffd\ufffd\ufffdx"),
        (b"\xc0\xaf", "\ufffd\ufffd"),
        (b"\xff", "\ufffd"),
    ],
)
def test_each_ill_formed_part_becomes_one_replacement_character(bad: bytes, good: str):
    """As WHATWG's decoder does it, and browsers with it."""
    payload = request(enclose(2, enclose(5, bad) + enclose(1, b"i" * 16)))
    mended = mending.mend(payload, TRACES)
    assert mended.payload == request(enclose(2, enclose(5, good.encode()) + enclose(1, b"i" * 16)))
    assert (mended.items, mended.rejected, mended.repaired) == (1, 0, 1)


def test_strings_are_repaired_wherever_they_are():
    """In the resource, in a scope's name, in a schema URL, in keys, in lists. The first one is named, with its service."""
    bad, good = b"\xe9", "\ufffd".encode()

    def made(text: bytes) -> bytes:
        values = enclose(5, enclose(1, enclose(1, text)) + enclose(1, enclose(1, b"fine")))
        log = enclose(6, attribute(text, b"v")) + enclose(5, values) + enclose(3, b"INFO")
        scope = enclose(1, enclose(1, text)) + enclose(2, log) + enclose(3, text)
        return request(
            scope, resource=enclose(1, attribute(b"service.name", b"shop")) + enclose(1, attribute(b"k", text))
        )

    mended = mending.mend(made(bad), LOGS)
    assert mended.payload == made(good)
    assert mended.repaired == 5
    assert mended.repaired_at == 'resourceLogs[0].resource.attributes[1].value.stringValue of service "shop"'
    ExportLogsServiceRequest.FromString(mended.payload)


def test_bytes_are_no_strings():
    """An attribute of bytes may hold any byte."""
    payload = request(enclose(2, enclose(9, enclose(1, b"k") + enclose(2, enclose(7, b"\xff\xfe")))))
    assert mending.mend(payload, TRACES).payload == payload


def test_an_item_that_cannot_be_read_is_left_out():
    """Its attributes end inside a field. Its neighbours stay byte for byte."""
    good = enclose(5, b"good")
    mended = mending.mend(request(enclose(2, good) + enclose(2, enclose(9, b"\x0a\x7f")) + enclose(2, good)), TRACES)
    assert mended.payload == request(enclose(2, good) + enclose(2, good))
    assert (mended.items, mended.rejected) == (2, 1)
    assert mended.flaw == ("resourceSpans[0].scopeSpans[0].spans[1] cannot be read: the payload ends inside a field")


def test_what_only_a_parser_sees_costs_its_item_too():
    """Packed numbers that do not end: the walk does not look into them."""
    point = enclose(6, b"\x80" * 11)
    metric = enclose(1, b"m") + enclose(9, enclose(1, point) + enclose(1, enclose(6, b"\x00" * 8)))
    mended = mending.mend(request(enclose(2, metric)), METRICS)
    assert mended.rejected == 1
    ExportMetricsServiceRequest.FromString(mended.payload)


def test_a_bad_data_point_does_not_cost_its_metric():
    """An exemplar has a trace id of three bytes. The other points stay."""
    exemplar = enclose(5, enclose(5, b"bad"))
    metric = enclose(1, b"m") + enclose(7, enclose(1, exemplar) + enclose(1, b"") + b"\x10\x02")
    mended = mending.mend(request(enclose(2, metric)), METRICS)
    assert mended.payload == request(enclose(2, enclose(1, b"m") + enclose(7, enclose(1, b"") + b"\x10\x02")))
    assert (mended.items, mended.rejected) == (1, 1)
    assert mended.flaw == (
        "resourceMetrics[0].scopeMetrics[0].metrics[0].sum.dataPoints[0].exemplars[0].traceId has 3 bytes, and has to have 16"
    )


def test_a_metric_that_cannot_be_read_costs_its_data_points():
    """They are what partial_success counts."""
    metric = enclose(7, enclose(1, b"") * 3) + enclose(1, b"m") + enclose(12, b"\x0a\x7f")
    mended = mending.mend(request(enclose(2, metric)), METRICS)
    assert (mended.items, mended.rejected) == (0, 3)


@pytest.mark.parametrize("row", [TRACES, METRICS, LOGS])
def test_scopes_in_the_retired_field_are_read(row):
    """Senders of before 2022 write them to field 1000 of the resource. Beside them, today's stay."""
    old = enclose(1, enclose(1000, enclose(2, b"")) + enclose(2, enclose(2, b"")))
    mended = mending.mend(old, row)
    assert mended.payload == enclose(1, enclose(2, enclose(2, b"")) * 2)
    assert (mended.items, mended.rejected, mended.repaired) == (2, 0, 0)


def test_a_retired_scope_is_mended_like_any_other():
    """Its string is repaired on the way."""
    mended = mending.mend(bytes.fromhex("0a08c23e051203") + b"\x2a\x01\xff", TRACES)
    assert (
        ExportTraceServiceRequest.FromString(mended.payload).resource_spans[0].scope_spans[0].spans[0].name == "\ufffd"
    )


def test_damage_outside_of_the_items_is_not_mended():
    """Nobody knows whose items they are."""
    with pytest.raises(mending.Unreadable):
        mending.mend(enclose(1, enclose(1, b"\x0a\x7f") + enclose(2, enclose(2, b""))), TRACES)


def test_messages_are_followed_to_a_limit():
    """A list in a list in a list: the item is left out."""
    value = b""
    for _ in range(60):
        value = enclose(5, enclose(1, value))
    mended = mending.mend(request(enclose(2, enclose(9, enclose(2, value))) + enclose(2, b"")), TRACES)
    assert (mended.items, mended.rejected) == (1, 1)
    assert "nested more than 100 deep" in mended.flaw
