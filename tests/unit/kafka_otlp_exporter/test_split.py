"""Cutting a request along its own structure."""

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter import wire
from kafka_otlp_exporter.signals import SIGNALS, Signal
from kafka_otlp_exporter.split import split
from tests.unit.kafka_otlp_exporter import samples

TRACES = SIGNALS[Signal.TRACES]
METRICS = SIGNALS[Signal.METRICS]


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
    parts = split(payload, SIGNALS[signal].item_path, len(payload))
    assert parts.requests == [payload]
    assert parts.oversized == []


def test_each_part_repeats_the_envelopes_of_its_items():
    """Resource, scope and both schema URLs stand around every span."""
    whole = two_services()
    parts = split(whole.SerializeToString(), TRACES.item_path, 200)
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
    parts = split(payload, TRACES.item_path, 500).requests
    span = len(samples.traces(2)) - len(samples.traces(1))
    # The two length headers of the enclosing messages may each grow by a byte.
    assert all(len(part) + span + 2 > 500 for part in parts[:-1])


def test_the_points_of_one_metric_are_cut_too():
    """Its name and its temporality stand in every part."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="requests", unit="1")
    metric.sum.is_monotonic = True
    for number in range(50):
        metric.sum.data_points.add(as_int=number, time_unix_nano=number)
    parts = split(request.SerializeToString(), METRICS.item_path, 120)
    found = []
    for part in parts.requests:
        ((cut,),) = (
            scope.metrics
            for resource in ExportMetricsServiceRequest.FromString(part).resource_metrics
            for scope in resource.scope_metrics
        )
        assert (cut.name, cut.unit, cut.sum.is_monotonic) == ("requests", "1", True)
        found += [point.as_int for point in cut.sum.data_points]
    assert found == list(range(50))


def test_an_item_that_fits_nowhere_is_told_with_its_size_and_resource():
    """Its neighbours are delivered."""
    whole = two_services()
    whole.resource_spans[1].scope_spans[0].spans[4].name = "x" * 1000
    parts = split(whole.SerializeToString(), TRACES.item_path, 300)
    (oversized,) = parts.oversized
    assert oversized.items == 1
    assert oversized.size > 1000
    assert b"pay" in oversized.resource
    assert sum(wire.count_items(part, TRACES.item_path) for part in parts.requests) == 19


def test_a_metric_with_two_kinds_of_data_is_not_taken_apart():
    """Of a oneof only the last counts: apart, the first would come to life."""
    metric = wire.enclose(5, wire.enclose(1, b"\x19" + bytes(8))) + wire.enclose(7, wire.enclose(1, b"\x19" + bytes(8)))
    payload = wire.enclose(1, wire.enclose(2, wire.enclose(2, metric)))
    assert split(payload, METRICS.item_path, len(payload)).requests == [payload]
    parts = split(payload, METRICS.item_path, len(payload) - 1)
    assert parts.requests == []
    assert [oversized.items for oversized in parts.oversized] == [2]


def test_an_envelope_without_items_that_does_not_fit_is_left_out():
    """It holds nothing that could be lost."""
    request = two_services()
    request.resource_spans[0].ClearField("scope_spans")
    request.resource_spans[0].resource.attributes[0].value.string_value = "x" * 1000
    parts = split(request.SerializeToString(), TRACES.item_path, 400)
    assert parts.oversized == []
    assert sum(wire.count_items(part, TRACES.item_path) for part in parts.requests) == 10
