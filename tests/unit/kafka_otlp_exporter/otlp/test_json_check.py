"""Whether a request in OTLP/JSON is what it claims to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kafka_otlp_exporter.otlp.json_check import check_json
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.otlp.wire import Malformed

NAMES = {signal: str(row.request.DESCRIPTOR.full_name) for signal, row in SIGNALS.items()}
# The keys that lead to the items of each signal.
KEYS = {
    Signal.TRACES: ("resourceSpans", "scopeSpans", "spans"),
    Signal.METRICS: ("resourceMetrics", "scopeMetrics", "metrics"),
    Signal.LOGS: ("resourceLogs", "scopeLogs", "logRecords"),
}


def body(signal: Signal, *items: Any) -> bytes:
    """A request with these items in one scope."""
    first, second, third = KEYS[signal]
    return json.dumps({first: [{second: [{third: items}]}]}).encode()


def read(text: bytes, signal: Signal) -> Any:
    """The request that a text becomes, as a message."""
    return SIGNALS[signal].request.FromString(check_json(text, signal).payload)


def spans(text: bytes) -> Any:
    """The spans that a text becomes."""
    return read(text, Signal.TRACES).resource_spans[0].scope_spans[0].spans


def refusal(text: bytes, signal: Signal = Signal.TRACES) -> str:
    """The sentence with which a text is refused as a whole."""
    with pytest.raises(Malformed) as caught:
        check_json(text, signal)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "good", "strings"),
    [
        (rb'"abcd\ud83d"', "abcd\ufffd", 1),
        (rb'"\ude00x"', "\ufffdx", 1),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600", 1),
        (rb'"\uD83D\\ude00\ud83d"', "\ufffd\\ude00\ufffd", 1),
        (rb'"\ud83d\ude00 \" \ud83d\""', '\U0001f600 " \ufffd"', 1),
    ],
)
def test_half_a_surrogate_pair_becomes_a_replacement_character(text: bytes, good: str, strings: int):
    """JavaScript SDKs cut a string inside of a pair. Whole pairs, and escaped backslashes, stay."""
    sent = body(Signal.TRACES, {"name": "NAME"}, {"name": "\U0001f600"}).replace(b'"NAME"', text)
    checked = check_json(sent, Signal.TRACES)
    assert [span.name for span in spans(sent)] == [good, "\U0001f600"]
    assert (checked.items, checked.rejected, checked.repaired) == (2, 0, strings)


@pytest.mark.parametrize("number", [2**63, 1e21, 1e20, -1e19])
def test_an_integer_that_is_none_of_64_bits_becomes_a_double(number: float):
    """JavaScript writes its numbers so, and the same SDK's protobuf has a double there."""
    text = body(Signal.TRACES, {"attributes": [{"key": "k", "value": {"intValue": number}}]})
    assert spans(text)[0].attributes[0].value.double_value == float(number)
    points = body(Signal.METRICS, {"name": "m", "gauge": {"dataPoints": [{"asInt": number}]}})
    metric = read(points, Signal.METRICS).resource_metrics[0].scope_metrics[0].metrics[0]
    assert metric.gauge.data_points[0].as_double == float(number)


def test_a_number_that_is_null_is_no_value():
    """JavaScript writes NaN so: the attribute has no value, and the data point is left out. A flagged point has none."""
    text = body(Signal.TRACES, {"attributes": [{"key": "k", "value": {"doubleValue": None}}]})
    assert spans(text)[0].attributes[0].value.WhichOneof("value") is None
    points: list[Any] = [{"asDouble": None}, {"asDouble": 1.5}, {"flags": 1}, {"as_int": None}]
    checked = check_json(body(Signal.METRICS, {"name": "m", "sum": {"dataPoints": points}}), Signal.METRICS)
    assert (checked.items, checked.rejected) == (1, 2)
    assert checked.flaw == (
        "resourceMetrics[0].scopeMetrics[0].metrics[0].sum.dataPoints[0] has no value: its number is null"
    )


def test_names_of_fields_in_protobuf_are_read():
    """As protobuf's own parsers do. Both spellings at once are an error of their item."""
    text = b'{"resource_spans":[{"scope_spans":[{"spans":[{"dropped_attributes_count":3}]}]}]}'
    assert spans(text)[0].dropped_attributes_count == 3
    assert check_json(text, Signal.TRACES).items == 1
    both = body(Signal.TRACES, {"traceState": "a", "trace_state": "b"}, {})
    checked = check_json(both, Signal.TRACES)
    assert (checked.items, checked.rejected) == (1, 1)
    assert checked.flaw.endswith("has both traceState and trace_state, which are two spellings of one field")
    assert "has both asInt and asDouble" in check_json(
        body(Signal.METRICS, {"gauge": {"dataPoints": [{"as_int": 1, "asDouble": 2.0}]}}), Signal.METRICS
    ).flaw.replace("asDouble and asInt", "asInt and asDouble")


def test_names_of_enums_are_read():
    """Numbers without a name yet too. A name that nobody knows costs its item."""
    text = body(Signal.TRACES, {"kind": "SPAN_KIND_SERVER", "status": {"code": "STATUS_CODE_ERROR"}}, {"kind": 77})
    assert [(span.kind, span.status.code) for span in spans(text)] == [(2, 2), (77, 0)]
    checked = check_json(body(Signal.TRACES, {"kind": "SERVER"}, {}), Signal.TRACES)
    assert (checked.items, checked.rejected) == (1, 1)
    assert checked.flaw == (
        "resourceSpans[0].scopeSpans[0].spans[0].kind is a string of 6 characters, and has to be an integer, or the name "
        "of a value"
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"traceId": "0102030405060708"},
        {"spanId": "no hex at all !!"},
        {"links": [{"traceId": "ab"}]},
        {"name": 5},
        {"name": {"a": 1}},
        {"startTimeUnixNano": "soon"},
        {"droppedLinksCount": -1},
        {"attributes": [{"key": "k", "value": {"bytesValue": "!"}}]},
        7,
        None,
    ],
)
def test_what_cannot_be_read_costs_its_item(bad: Any):
    """The others are delivered."""
    checked = check_json(body(Signal.TRACES, {"name": "a"}, bad, {"name": "b"}), Signal.TRACES)
    assert (checked.items, checked.rejected) == (2, 1)
    assert checked.flaw.startswith("resourceSpans[0].scopeSpans[0].spans[1]")
    request: Any = SIGNALS[Signal.TRACES].request.FromString(checked.payload)
    assert [span.name for span in request.resource_spans[0].scope_spans[0].spans] == ["a", "b"]


def test_an_item_that_nests_too_deep_is_left_out():
    """A consumer could not read it."""
    value: Any = {"stringValue": "x"}
    for _ in range(60):
        value = {"arrayValue": {"values": [value]}}
    checked = check_json(body(Signal.LOGS, {"body": value}, {}), Signal.LOGS)
    assert (checked.items, checked.rejected) == (1, 1)
    assert checked.flaw.endswith("messages are nested more than 100 deep")


def test_a_metric_stays_without_its_bad_data_points():
    """A metric whose own fields are wrong goes with all of its points."""
    good, bad = {"asInt": "1"}, {"asInt": "one"}
    one = {"name": "m", "sum": {"dataPoints": [good, bad, good]}}
    other = {"name": 5, "gauge": {"dataPoints": [good, bad, good]}}
    checked = check_json(body(Signal.METRICS, one, other, {"name": "n"}), Signal.METRICS)
    assert (checked.items, checked.rejected) == (2, 4)
    request: Any = SIGNALS[Signal.METRICS].request.FromString(checked.payload)
    metrics = request.resource_metrics[0].scope_metrics[0].metrics
    assert [len(metric.sum.data_points) for metric in metrics] == [2, 0]


def test_what_is_wrong_outside_of_the_items_is_refused():
    """Nobody knows whose items they are."""
    assert refusal(b'{"resourceSpans":5}') == "resourceSpans is a number, and has to be an array"
    text = b'{"resourceSpans":[{"resource":7,"scopeSpans":[{"spans":[{"name":7}]}]}]}'
    assert refusal(text) == "resourceSpans[0].resource is a number, and has to be an object"
    assert refusal(b"[]") == "the body is an array, and has to be an object"
    assert refusal(b'{"resourceSpans":[').startswith("the body is no valid JSON")
    assert refusal(b'{"resourceSpans":["\\ud83d"').startswith("the body is no valid JSON")


@pytest.mark.parametrize("sent", Signal)
@pytest.mark.parametrize("asked", Signal)
def test_a_request_of_another_signal_is_refused_with_its_endpoint(sent: Signal, asked: Signal):
    """It is told by the key of its resources."""
    if sent is asked:
        return
    assert refusal(body(sent, {}), asked) == (
        f"the body is no {NAMES[asked]}, but holds {sent.value}: send it to /v1/{sent.value}, or over gRPC to "
        f"{SIGNALS[sent].method.strip('/')}"
    )


def test_an_object_without_any_field_of_the_request_is_refused():
    """An empty one is an empty request. Unknown members beside known ones are ignored, as OTLP asks."""
    assert refusal(b'{"foo":1}') == f"the body holds no field of an {NAMES[Signal.TRACES]}"
    assert check_json(b"{}", Signal.TRACES).items == 0
    assert check_json(b'{"foo":1,"resourceSpans":[]}', Signal.TRACES).items == 0
