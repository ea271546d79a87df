"""A request's bytes to a Kafka record."""

import pytest

from kafka_otlp_exporter import wire
from kafka_otlp_exporter.options import Options
from kafka_otlp_exporter.records import Layout, Record, record_bytes, records
from kafka_otlp_exporter.signals import SIGNALS, Signal
from tests.unit.kafka_otlp_exporter import samples

OPTIONS = Options(traces_topic="t", metrics_topic="m", logs_topic="l")
LAYOUT = Layout.of(OPTIONS, 1_000_000)


@pytest.mark.parametrize(("signal", "topic"), [(Signal.TRACES, "t"), (Signal.METRICS, "m"), (Signal.LOGS, "l")])
def test_a_request_is_one_record(signal: Signal, topic: str):
    """In its signal's topic, without a key, byte for byte, with two headers."""
    payload = samples.OF_EACH[signal](3)
    batch = records(signal, payload, LAYOUT)
    assert batch.rejected is None
    (record,) = batch.records
    assert record == Record(
        topic,
        None,
        payload,
        [("content-type", b"application/x-protobuf"), ("otlp.signal", signal.value.encode())],
    )


def test_a_missing_key_is_null_and_not_empty():
    """An empty key would send everything to one partition."""
    assert records(Signal.LOGS, samples.logs(), LAYOUT).records[0].key is None


def test_what_a_newer_client_sends_is_kept():
    """Unknown fields are forwarded, and the value is not written anew."""
    payload = samples.UNKNOWN_FIELD + samples.traces() + samples.UNKNOWN_FIELD
    assert records(Signal.TRACES, payload, LAYOUT).records[0].value is payload


@pytest.mark.parametrize("signal", Signal)
def test_an_empty_request_is_no_record(signal: Signal):
    """There is nothing in it that Kafka could hold."""
    batch = records(signal, b"", LAYOUT)
    assert (batch.records, batch.rejected) == ((), None)


@pytest.mark.parametrize("signal", Signal)
def test_another_signals_garbage_is_malformed(signal: Signal):
    """It gets no record: it would break every consumer."""
    with pytest.raises(wire.Malformed, match=f"the payload is no valid {SIGNALS[signal].request.DESCRIPTOR.full_name}"):
        records(signal, b"\xff" * 8, LAYOUT)


@pytest.mark.parametrize("signal", Signal)
def test_a_record_that_is_too_large_rejects_all_of_its_items(signal: Signal):
    """With their number, the size and the limit."""
    payload = samples.OF_EACH[signal](40)
    size = record_bytes(records(signal, payload, LAYOUT).records[0])
    batch = records(signal, payload, Layout.of(OPTIONS, size - 1))
    assert batch.records == ()
    assert batch.rejected is not None
    assert batch.rejected.items == 40
    assert batch.rejected.message == (
        f"The record of this request would have {size} bytes and the limit (maxMessageBytes) is {size - 1}: "
        f"all 40 {SIGNALS[signal].items} are rejected. Send smaller batches or raise the limit."
    )


def test_a_record_at_the_limit_fits():
    """Not one byte is given away."""
    payload = samples.traces(40)
    size = record_bytes(records(Signal.TRACES, payload, LAYOUT).records[0])
    assert len(records(Signal.TRACES, payload, Layout.of(OPTIONS, size)).records) == 1


def test_a_layout_holds_the_options_topics():
    """One for each signal."""
    assert Layout.of(OPTIONS, 7).topics == {Signal.TRACES: "t", Signal.METRICS: "m", Signal.LOGS: "l"}
    assert Layout.of(OPTIONS, 7).max_record_bytes == 7


@pytest.mark.parametrize(
    ("key", "headers", "size"),
    [
        (None, [], 36 + 100),
        (b"k" * 16, [], 36 + 100 + 16),
        (None, [("a", b"")], 36 + 100 + 2 + 1),
        (None, [("a", None)], 36 + 100 + 2 + 1),
        (None, [("a" * 63, b"b" * 64)], 36 + 100 + 1 + 63 + 2 + 64),
        (None, [("é", b"b" * 8192)], 36 + 100 + 1 + 2 + 3 + 8192),
    ],
)
def test_a_records_size_counts_key_and_headers(key: bytes | None, headers, size: int):
    """Lengths are zigzag varints; tests/contract holds the sum against librdkafka's own."""
    assert record_bytes(Record("t", key, b"v" * 100, headers)) == size
