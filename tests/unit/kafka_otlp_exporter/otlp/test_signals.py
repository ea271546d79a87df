"""The table of the three signals, compared with the protobuf messages."""

from typing import Any

import pytest

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal

ROWS = SIGNALS.items()


def test_there_is_a_row_for_each_signal():
    """Three of them."""
    assert set(SIGNALS) == set(Signal) == {"traces", "metrics", "logs"}


@pytest.mark.parametrize(("signal", "row"), ROWS)
def test_a_method_is_that_of_its_service(signal: Signal, row):
    """The path is read from the descriptor of OTLP's own protocol files."""
    service = next(iter(row.request.DESCRIPTOR.file.services_by_name.values()))
    method = service.methods_by_name["Export"]
    assert row.method == f"/{service.full_name}/Export"
    assert (method.input_type, method.output_type) == (row.request.DESCRIPTOR, row.response.DESCRIPTOR)


@pytest.mark.parametrize(
    ("signal", "leaves"),
    [
        (Signal.TRACES, {"Span"}),
        (Signal.LOGS, {"LogRecord"}),
        (
            Signal.METRICS,
            {"NumberDataPoint", "HistogramDataPoint", "ExponentialHistogramDataPoint", "SummaryDataPoint"},
        ),
    ],
)
def test_an_item_path_leads_to_the_items(signal: Signal, leaves: set[str]):
    """Followed through the descriptors, it ends at spans, data points and log records, and at all of them."""
    row = SIGNALS[signal]
    level: set[Any] = {row.request.DESCRIPTOR}
    for numbers in row.item_path:
        level = {
            message.fields_by_number[number].message_type
            for message in level
            for number in numbers
            if number in message.fields_by_number
        }
    assert {message.name for message in level} == leaves
    if signal is Signal.METRICS:
        parent = row.request.DESCRIPTOR.file.pool.FindMessageTypeByName("opentelemetry.proto.metrics.v1.Metric")
        assert row.item_path[3] == {field.number for field in parent.oneofs_by_name["data"].fields}


@pytest.mark.parametrize(("signal", "item"), [(Signal.TRACES, "trace.v1.Span"), (Signal.LOGS, "logs.v1.LogRecord")])
def test_a_trace_id_is_that_field_of_an_item(signal: Signal, item: str):
    """Metrics have none."""
    row = SIGNALS[signal]
    message = row.request.DESCRIPTOR.file.pool.FindMessageTypeByName(f"opentelemetry.proto.{item}")
    assert message.fields_by_name["trace_id"].number == row.trace_id
    assert (SIGNALS[Signal.METRICS].trace_id, SIGNALS[Signal.METRICS].trace_option) == (None, None)


@pytest.mark.parametrize(("signal", "row"), ROWS)
def test_partial_success_parses_as_what_a_client_expects(signal: Signal, row):
    """The number of items and the sentence come back."""
    answer = row.response.FromString(row.partial_success(7, "too large."))
    assert getattr(answer.partial_success, row.rejected_field) == 7
    assert answer.partial_success.error_message == "too large."
