"""A request's bytes to a Kafka record."""

import json

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.records.keys import resource_key
from kafka_otlp_exporter.records.making import Batch, Layout, Record, record_bytes, records
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
    """There is nothing to write."""
    batch = records(signal, b"", LAYOUT)
    assert (batch.records, batch.rejected) == ((), None)


@pytest.mark.parametrize("signal", Signal)
def test_another_signals_garbage_is_malformed(signal: Signal):
    """It gets no record: it would break every consumer."""
    with pytest.raises(wire.Malformed, match=f"the payload is no valid {SIGNALS[signal].request.DESCRIPTOR.full_name}"):
        records(signal, b"\xff" * 8, LAYOUT)


@pytest.mark.parametrize("signal", Signal)
def test_a_json_request_becomes_the_records_of_its_protobuf(signal: Signal):
    """With the same number of items; an item is a span, a metric or a log record."""
    payload = samples.OF_EACH[signal](3)
    text = encode(payload, SIGNALS[signal].request)
    assert records(signal, text, LAYOUT, Format.JSON) == records(signal, payload, LAYOUT)
    assert records(signal, b"{}", LAYOUT, Format.JSON) == Batch(())


def test_a_json_request_of_more_values_than_the_layout_allows_is_refused():
    """An object counts as two."""
    few = Layout.of(OPTIONS, 1_000_000, most_values=7)
    text = b'{"resourceSpans":[{},{}]}'
    with pytest.raises(wire.Malformed, match="more than 7 values"):
        records(Signal.TRACES, text, few, Format.JSON)
    assert records(Signal.TRACES, text, Layout.of(OPTIONS, 1_000_000, most_values=8), Format.JSON).records


@pytest.mark.parametrize("signal", Signal)
def test_a_request_that_is_too_large_becomes_records_that_fit(signal: Signal):
    """Of all its items, none rejected."""
    payload = samples.OF_EACH[signal](400)
    batch = records(signal, payload, Layout.of(OPTIONS, 1000))
    assert batch.rejected is None
    assert len(batch.records) > 1
    assert all(record_bytes(record) <= 1000 for record in batch.records)
    path = SIGNALS[signal].item_path
    assert sum(wire.count_items(record.value, path) for record in batch.records) == 400


def test_an_item_that_fits_into_no_record_is_rejected_alone():
    """With its number, its service, its size and the limit; the others are delivered."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    for length in (10, 5000, 20):
        resource.scope_logs.add().log_records.add().body.string_value = "x" * length
    batch = records(Signal.LOGS, request.SerializeToString(), Layout.of(OPTIONS, 1000))
    assert sum(wire.count_items(record.value, SIGNALS[Signal.LOGS].item_path) for record in batch.records) == 2
    assert batch.rejected is not None
    assert batch.rejected.items == 1
    del resource.scope_logs[2], resource.scope_logs[0]
    alone = Record("l", None, request.SerializeToString(), LAYOUT.headers[Signal.LOGS])
    assert batch.rejected.message == (
        '1 of the log records is too large for a record: on its own, the largest of service "shop" would make a record of '
        f"{record_bytes(alone)} bytes, and the limit (maxMessageBytes) is 1000. Everything else of the request is "
        "delivered."
    )


@pytest.mark.parametrize("signal", Signal)
def test_equal_resources_share_a_record_under_their_key(signal: Signal):
    """Records are in the order of the first resource of each key. Unknown fields of the request go with the first."""
    plain = samples.OF_EACH[signal](1)
    named = wire.enclose(1, wire.enclose(1, wire.enclose(1, wire.enclose(1, b"k"))) + plain[2:])
    options = Options.model_validate({SIGNALS[signal].resource_option: True})
    layout = Layout.of(options, 1_000_000)
    batch = records(signal, plain + named + samples.UNKNOWN_FIELD + plain, layout)
    assert [record.value for record in batch.records] == [
        samples.UNKNOWN_FIELD + plain + plain,
        named,
    ]
    assert batch.records[0].key == bytes(16), "without attributes the key is zeros"
    (single,) = records(signal, named + samples.UNKNOWN_FIELD, layout).records
    assert single.value == named + samples.UNKNOWN_FIELD, "one resource: byte for byte"
    assert single.key == batch.records[1].key


@pytest.mark.parametrize(
    ("signal", "option"),
    [(Signal.TRACES, "partition_traces_by_trace_id"), (Signal.LOGS, "partition_logs_by_trace_id")],
)
def test_items_of_one_trace_share_a_record_under_its_id(signal: Signal, option: str):
    """This holds across resources. Items without an id share a record with a null key."""
    one, other = bytes(15) + b"\x01", bytes(15) + b"\x02"
    payload = b"".join(samples.of_traces(signal, *ids) for ids in ([one, other, one], [b""], [bytes(16), other]))
    layout = Layout.of(Options.model_validate({option: True}), 1_000_000)
    batch = records(signal, payload, layout)
    counts = {record.key: wire.count_items(record.value, SIGNALS[signal].item_path) for record in batch.records}
    assert counts == {one.hex().encode(): 2, other.hex().encode(): 2, None: 2}
    assert batch.rejected is None


def test_named_attributes_key_every_signal_that_has_no_option_of_its_own():
    """A signal's own option wins over them."""
    options = Options(
        partition_key_attributes=("service.name",),
        partition_traces_by_trace_id=True,
        partition_logs_by_resource_attributes=True,
    )
    layout = Layout.of(options, 1_000_000)
    resource = Resource()
    resource.attributes.add(key="service.name").value.string_value = "checkout"
    named = resource_key(resource.attributes)
    resource.attributes.add(key="host.name").value.string_value = "a"
    keys = {
        signal: records(signal, wire.enclose(1, wire.enclose(1, resource.SerializeToString())), layout).records[0].key
        for signal in Signal
    }
    whole = resource_key(resource.attributes)
    assert keys == {Signal.TRACES: None, Signal.METRICS: named, Signal.LOGS: whole}


def test_a_record_at_the_limit_fits():
    """One byte more would not fit."""
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


def fat(items: int, spread: bool = False) -> bytes:
    """A resource of 9 kB with so many small log records, each of a trace of its own where they are spread."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="fat").value.string_value = "x" * 9000
    scope = resource.scope_logs.add()
    for number in range(items):
        scope.log_records.add(trace_id=(number + 1).to_bytes(16, "big") if spread else b"").body.string_value = (
            "y" * 100
        )
    return request.SerializeToString()


@pytest.mark.parametrize(
    ("given", "record"),
    [
        ({}, 10_000),
        ({"format": "json"}, 10_000),
        ({"partition_logs_by_trace_id": True}, 1_000_000),
        ({"partition_logs_by_trace_id": True, "format": "json"}, 1_000_000),
        ({"partition_logs_by_trace_id": True}, 10_000),
    ],
)
def test_a_large_resource_with_many_items_does_not_multiply(given: dict[str, object], record: int):
    """Each record repeats it, so only as many are made as fit together. The rest is rejected, with what to do."""
    layout = Layout.of(Options.model_validate(given), record, most_bytes=200_000)
    batch = records(Signal.LOGS, fat(400, spread=True), layout)
    assert 180_000 < batch.memory <= 200_000
    delivered = sum(record.value.count(b"y" * 100) for record in batch.records)
    assert batch.rejected is not None
    assert delivered + batch.rejected.items == 400
    assert batch.rejected.surplus == batch.rejected.items
    assert delivered > 10
    assert "may need 200000 bytes of memory together and be at most 100000" in batch.rejected.message
    assert "Send smaller requests or smaller resources, or raise --max-in-flight-bytes." in batch.rejected.message


def test_no_more_records_are_made_than_librdkafka_takes_at_one_time():
    """librdkafka would refuse the last ones, and so the whole request, however often it is sent."""
    layout = Layout.of(Options(partition_logs_by_trace_id=True), 1_000_000, most_records=7)
    batch = records(Signal.LOGS, fat(100, spread=True), layout)
    assert len(batch.records) == 7
    assert batch.rejected is not None
    assert batch.rejected.items == 93
    assert "and be at most 7." in batch.rejected.message


def test_a_resource_that_fits_nowhere_is_not_put_together_for_each_trace():
    """Work counts too: what is left after so many groups is surplus, and nothing is delivered."""
    layout = Layout.of(Options(partition_logs_by_trace_id=True), 5000, most_bytes=100_000)
    batch = records(Signal.LOGS, fat(1000, spread=True), layout)
    assert batch.records == ()
    assert batch.rejected is not None
    assert batch.rejected.items == 1000
    assert "11 of the log records are too large" in batch.rejected.message


def test_what_is_left_out_of_one_trace_does_not_keep_the_next_from_its_record():
    """An item that fits nowhere is rejected alone."""
    one, other = samples.of_traces(Signal.LOGS, b"a" * 16), samples.of_traces(Signal.LOGS, b"b" * 16)
    large = wire.enclose(
        1, wire.enclose(2, wire.enclose(2, wire.enclose(9, b"a" * 16) + wire.enclose(5, b"\x0a\xb8\x17" + b"x" * 3000)))
    )
    batch = records(Signal.LOGS, large + one + other, Layout.of(Options(partition_logs_by_trace_id=True), 1000))
    assert {record.key for record in batch.records} == {(b"a" * 16).hex().encode(), (b"b" * 16).hex().encode()}
    assert batch.rejected is not None
    assert batch.rejected.items == 1


@pytest.mark.parametrize("signal", Signal)
def test_json_is_the_text_of_the_same_items(signal: Signal):
    """With its own content type; the limit counts it, not the protobuf that it came from."""
    options = Options(format=Format.JSON)
    payload = samples.OF_EACH[signal](100)
    (whole,) = records(signal, payload, Layout.of(options, 1_000_000)).records
    assert whole.value == encode(payload, SIGNALS[signal].request)
    assert whole.headers[0] == ("content-type", b"application/json")
    layout = Layout.of(options, 1000)
    batch = records(signal, payload, layout)
    assert batch.rejected is None
    assert len(batch.records) > 1
    assert all(json.loads(record.value) and record_bytes(record) <= 1000 for record in batch.records)


def test_a_rejections_size_is_that_of_the_format():
    """It is the size of a record with that item alone, as JSON."""
    payload = samples.logs(1, "\x01" * 300)
    limit = len(payload) + 200
    assert records(Signal.LOGS, payload, Layout.of(Options(), limit)).rejected is None
    batch = records(Signal.LOGS, payload, Layout.of(Options(format=Format.JSON), limit))
    (alone,) = records(Signal.LOGS, payload, Layout.of(Options(format=Format.JSON), 1_000_000)).records
    assert batch.rejected is not None
    assert f"would make a record of {record_bytes(alone)} bytes" in batch.rejected.message


@pytest.mark.parametrize(("signal", "items"), [(Signal.TRACES, 5), (Signal.METRICS, 1), (Signal.LOGS, 5)])
def test_items_are_counted(signal: Signal, items: int):
    """Spans, metrics and log records, whether they fit or not."""
    assert records(signal, samples.OF_EACH[signal](5), LAYOUT).items == items
    assert records(signal, samples.OF_EACH[signal](5, "x" * 300_000), LAYOUT).items == items
    assert records(signal, b"", LAYOUT).items == 0
