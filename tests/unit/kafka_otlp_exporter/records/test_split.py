"""Cutting a request along its own structure."""

import json

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal, SignalRow
from kafka_otlp_exporter.records.packing import Allowance, Parts
from kafka_otlp_exporter.records.split import TRIED_WHOLE_BYTES, split
from tests.unit.kafka_otlp_exporter import samples

TRACES = SIGNALS[Signal.TRACES]
METRICS = SIGNALS[Signal.METRICS]


def cut(payload: bytes, row: SignalRow, limit: int, form: Format = Format.PROTOBUF) -> Parts:
    """The parts of a request, without a limit for all together."""
    return split(payload, row, form, limit, Allowance(10**12, 10**9))


def two_services() -> ExportTraceServiceRequest:
    """Two resources with a scope of ten spans each."""
    request = ExportTraceServiceRequest()
    for service in ("cart", "pay"):
        resource = request.resource_spans.add(schema_url="https://schema")
        resource.resource.attributes.add(key="service.name").value.string_value = service
        scope = resource.scope_spans.add(schema_url="https://scope")
        scope.scope.name = "library"
        for number in range(10):
            scope.spans.add(name=f"{service}-{number}", span_id=number.to_bytes(8, "big"))
    return request


@pytest.mark.parametrize("signal", Signal)
def test_a_request_that_fits_is_one_part(signal: Signal):
    """Of the same items."""
    payload = samples.OF_EACH[signal](5)
    parts = cut(payload, SIGNALS[signal], len(payload))
    assert parts.requests == [payload]
    assert parts.oversized is None


def test_each_part_repeats_the_envelopes_of_its_items():
    """Every part has the resource, the scope and both schema URLs."""
    whole = two_services()
    parts = cut(whole.SerializeToString(), TRACES, 200)
    assert len(parts.requests) > 2
    names = []
    for part in parts.requests:
        assert len(part) <= 200
        for resource in ExportTraceServiceRequest.FromString(part).resource_spans:
            (attribute,) = resource.resource.attributes
            assert resource.schema_url == "https://schema"
            for scope in resource.scope_spans:
                assert (scope.scope.name, scope.schema_url) == ("library", "https://scope")
                for span in scope.spans:
                    assert span.name.startswith(attribute.value.string_value)
                    names.append(span.name)
    assert names == [f"{service}-{number}" for service in ("cart", "pay") for number in range(10)]


def test_parts_are_as_few_as_can_be():
    """Every part but the last is so full that the next span would not have fitted."""
    payload = samples.traces(100)
    parts = cut(payload, TRACES, 500).requests
    span = len(samples.traces(2)) - len(samples.traces(1))
    # The two length headers of the enclosing messages may each grow by a byte.
    assert all(len(part) + span + 2 > 500 for part in parts[:-1])


def test_the_points_of_one_metric_are_cut_too():
    """Its name and its temporality are in every part."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="requests", unit="1")
    metric.sum.is_monotonic = True
    for number in range(50):
        metric.sum.data_points.add(as_int=number, time_unix_nano=number)
    parts = cut(request.SerializeToString(), METRICS, 120)
    found = []
    for part in parts.requests:
        ((one,),) = (
            scope.metrics
            for resource in ExportMetricsServiceRequest.FromString(part).resource_metrics
            for scope in resource.scope_metrics
        )
        assert (one.name, one.unit, one.sum.is_monotonic) == ("requests", "1", True)
        found += [point.as_int for point in one.sum.data_points]
    assert found == list(range(50))


def test_an_item_that_fits_nowhere_is_told_with_its_size_and_resource():
    """Its neighbours are delivered."""
    whole = two_services()
    whole.resource_spans[1].scope_spans[0].spans[4].name = "x" * 1000
    parts = cut(whole.SerializeToString(), TRACES, 300)
    assert parts.oversized is not None
    assert parts.oversized.items == 1
    assert parts.oversized.size > 1000
    assert b"pay" in parts.oversized.resource
    assert sum(wire.count_items(part, TRACES.item_path) for part in parts.requests) == 19


def test_a_metric_with_two_kinds_of_data_is_not_taken_apart():
    """Only the last member of a oneof counts. In a part of its own, the first would count too."""
    metric = wire.enclose(5, wire.enclose(1, b"\x19" + bytes(8))) + wire.enclose(7, wire.enclose(1, b"\x19" + bytes(8)))
    payload = wire.enclose(1, wire.enclose(2, wire.enclose(2, metric)))
    assert cut(payload, METRICS, len(payload)).requests == [payload]
    parts = cut(payload, METRICS, len(payload) - 1)
    assert parts.requests == []
    assert parts.oversized is not None
    assert parts.oversized.items == 2


def test_an_envelope_without_items_that_does_not_fit_is_left_out():
    """It holds nothing that could be lost."""
    request = two_services()
    request.resource_spans[0].ClearField("scope_spans")
    request.resource_spans[0].resource.attributes[0].value.string_value = "x" * 1000
    parts = cut(request.SerializeToString(), TRACES, 400)
    assert parts.oversized is None
    assert sum(wire.count_items(part, TRACES.item_path) for part in parts.requests) == 10


@pytest.mark.parametrize("signal", Signal)
def test_json_that_fits_is_one_part(signal: Signal):
    """It is the same text as that of the whole request, although a large one is put together from the texts of its items."""
    row = SIGNALS[signal]
    for items in (5, 3 * TRIED_WHOLE_BYTES // 10):
        payload = samples.OF_EACH[signal](items)
        text = encode(payload, row.request)
        assert cut(payload, row, len(text), Format.JSON).requests == [text]
        first, last = cut(payload, row, len(text) - 1, Format.JSON).requests
        assert len(last) < len(first) < len(text)


def test_json_is_measured_as_json():
    """What fits as protobuf need not fit as JSON: control characters have six times their bytes there."""
    payload = samples.logs(10, "\x01" * 100)
    assert len(cut(payload, SIGNALS[Signal.LOGS], 2000).requests) == 1
    parts = cut(payload, SIGNALS[Signal.LOGS], 2000, Format.JSON).requests
    assert [len(part) <= 2000 for part in parts] == [True] * 4
    assert (
        json.loads(parts[0])["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["body"]["stringValue"] == "\x01" * 100
    )


def test_an_item_whose_json_fits_nowhere_is_told_with_its_size():
    """It is the exact size of a record with that item alone."""
    request = two_services()
    request.resource_spans[1].scope_spans[0].spans[4].name = "\x02" * 100
    parts = cut(request.SerializeToString(), TRACES, 600, Format.JSON)
    del request.resource_spans[0]
    scope = request.resource_spans[0].scope_spans[0]
    alone = scope.spans[4]
    del scope.spans[5:], scope.spans[:4]
    assert scope.spans == [alone]
    assert parts.oversized is not None
    assert parts.oversized.items == 1
    assert parts.oversized.size == len(encode(request.SerializeToString(), TRACES.request))
    assert b"pay" in parts.oversized.resource


def test_a_metric_in_json_keeps_its_kind():
    """Its data is an object, not a list."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for name in ("a", "b"):
        metric = scope.metrics.add(name=name)
        metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        for number in range(3000):
            metric.sum.data_points.add(as_int=number)
    parts = cut(request.SerializeToString(), METRICS, 30_000, Format.JSON)
    found: dict[str, list[int]] = {}
    for part in parts.requests:
        assert len(part) <= 30_000
        for metric in json.loads(part)["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]:
            assert metric["sum"]["aggregationTemporality"] == 2
            found.setdefault(metric["name"], []).extend(int(point["asInt"]) for point in metric["sum"]["dataPoints"])
    assert found == {"a": list(range(3000)), "b": list(range(3000))}
