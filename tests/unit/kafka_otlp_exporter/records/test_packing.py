"""What the records of one request may have together."""

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from kafka_otlp_exporter.config.sizing import RECORD_OVERHEAD_BYTES
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.records.packing import Allowance, Parts
from kafka_otlp_exporter.records.split import split
from tests.unit.kafka_otlp_exporter import samples

LOGS = SIGNALS[Signal.LOGS]
FORMS = pytest.mark.parametrize("form", Format)


def items(parts: Parts, form: Format) -> int:
    """How many log records there are in parts."""
    if form is Format.JSON:
        return sum(part.count(b'"body"') for part in parts.requests)
    return sum(wire.count_items(part, LOGS.item_path) for part in parts.requests)


def test_an_allowance_counts_value_key_and_what_a_record_costs_beside():
    """Until no byte or no record is left."""
    allowance = Allowance(10_000, 2)
    assert allowance.largest(16) == 10_000 - 16 - RECORD_OVERHEAD_BYTES
    allowance.spend(3000, 16)
    assert allowance.largest(0) == 10_000 - 3000 - 16 - 2 * RECORD_OVERHEAD_BYTES
    allowance.spend(1000, 0)
    assert allowance.largest(0) <= 0, "no record is left"


@FORMS
def test_parts_end_when_the_bytes_are_used_up(form: Format):
    """What comes first is delivered. Everything after it is surplus, small or large."""
    payload = samples.logs(100, "x" * 1000) + samples.logs(1, "y")
    allowance = Allowance(20_000, 1000)
    parts = split(payload, LOGS, form, 5000, allowance)
    delivered = items(parts, form)
    assert delivered + parts.surplus == 101
    assert 10 < delivered < 20
    assert parts.oversized is None
    assert b"yyy" not in b"".join(parts.requests)
    assert sum(len(part) + RECORD_OVERHEAD_BYTES for part in parts.requests) + allowance.bytes == 20_000
    assert 0 <= allowance.bytes < 1000 + 2 * RECORD_OVERHEAD_BYTES, "the last part is as large as it can be"


@FORMS
def test_parts_end_when_the_records_are_used_up(form: Format):
    """librdkafka takes so many at one time."""
    parts = split(samples.logs(100, "x" * 1000), LOGS, form, 5000, Allowance(10**9, 3))
    assert len(parts.requests) == 3
    assert items(parts, form) + parts.surplus == 100


@FORMS
def test_the_key_counts(form: Format):
    """Each record has it."""
    allowance = Allowance(10**6, 100)
    parts = split(samples.logs(100, "x" * 1000), LOGS, form, 5000, allowance, key=32)
    assert sum(len(part) + 32 + RECORD_OVERHEAD_BYTES for part in parts.requests) == 10**6 - allowance.bytes


@FORMS
def test_what_fits_into_no_record_is_oversized_and_not_surplus(form: Format):
    """This does not depend on what is left of the allowance, and it uses none of it."""
    payload = samples.logs(1, "x" * 6000) + samples.logs(3, "y" * 500)
    parts = split(payload, LOGS, form, 5000, Allowance(4000, 100))
    assert parts.oversized is not None
    assert (parts.oversized.items, parts.surplus, items(parts, form)) == (1, 0, 3)


def test_of_many_oversized_items_the_largest_is_told():
    """It is reported with its resource. The resources of the others are not copied."""
    request = ExportLogsServiceRequest()
    for service, length in (("a", 2000), ("b", 4000), ("c", 3000)):
        resource = request.resource_logs.add()
        resource.resource.attributes.add(key="service.name").value.string_value = service
        resource.scope_logs.add().log_records.add().body.string_value = "x" * length
    oversized = split(request.SerializeToString(), LOGS, Format.PROTOBUF, 1000, Allowance(10**6, 100)).oversized
    assert oversized is not None
    assert oversized.items == 3
    assert 4000 < oversized.size < 4100
    assert oversized.resource == request.resource_logs[1].resource.SerializeToString()
