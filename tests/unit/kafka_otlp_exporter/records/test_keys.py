"""The key of a resource and of a trace."""

import pytest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.records.keys import LARGEST_RESOURCE, by_resource, by_trace, resource_key


def resource(**attributes: str) -> Resource:
    """A resource with text attributes, in this order."""
    made = Resource()
    for name, value in attributes.items():
        made.attributes.add(key=name.replace("_", ".")).value.string_value = value
    return made


def test_the_collectors_keys():
    """The golden vectors are the OpenTelemetry Collector's (pkg/pdatautil v0.161), every kind of value among them."""
    made = Resource()
    assert resource_key(made.attributes) == bytes(16)
    made.attributes.add(key="service.name").value.string_value = "checkout"
    assert resource_key(made.attributes).hex() == "831d0817d731c2054ac194e9ddcf7e5c"
    made.attributes.add(key="k8s.pod.name").value.string_value = "checkout-7d9f"
    made.attributes.add(key="process.pid").value.int_value = 4242
    made.attributes.add(key="b").value.bool_value = True
    made.attributes.add(key="d").value.double_value = 1.5
    elements = made.attributes.add(key="arr").value.array_value.values
    elements.add().string_value = "x"
    elements.add().int_value = -1
    entries = made.attributes.add(key="map").value.kvlist_value.values
    entries.add(key="z").value.string_value = "1"
    entries.add(key="a").value.string_value = "2"
    made.attributes.add(key="by").value.bytes_value = b"\x01\x02\xff"
    made.attributes.add(key="nil")
    assert resource_key(made.attributes).hex() == "c44c6ec8c6ef177aeb7e4af46343ab6d"


def test_the_order_of_attributes_does_not_matter():
    """Two exporters with one resource write to one partition."""
    one, other = resource(service_name="a", host_name="b"), resource(host_name="b", service_name="a")
    assert resource_key(one.attributes) == resource_key(other.attributes)


def test_of_two_attributes_with_one_name_the_first_counts_twice():
    """As in the Collector, which looks each name up and finds the first; OTLP forbids such a resource."""
    once, twice, equal = (resource(service_name="a") for _ in range(3))
    twice.attributes.add(key="service.name").value.string_value = "b"
    equal.attributes.add(key="service.name").value.string_value = "a"
    assert resource_key(twice.attributes) == resource_key(equal.attributes) != resource_key(once.attributes)


def test_a_number_is_not_its_text():
    """The kind of a value is part of the key."""
    text, number, boolean = Resource(), Resource(), Resource()
    text.attributes.add(key="a").value.string_value = "1"
    number.attributes.add(key="a").value.int_value = 1
    boolean.attributes.add(key="a").value.bool_value = True
    assert len({resource_key(made.attributes) for made in (text, number, boolean)}) == 3


def key_by(names: tuple[str, ...], made: Resource) -> bytes | None:
    """The key of a ResourceSpans with this resource; it is not at the start of its request."""
    body = wire.enclose(1, made.SerializeToString())
    return by_resource(names).key_of(b"xx" + body + b"x", 2, 2 + len(body))


def test_without_names_every_attribute_counts():
    """The key is the Collector's. A missing resource counts as one without attributes."""
    made = resource(service_name="a", host_name="b")
    assert key_by((), made) == resource_key(made.attributes)
    assert by_resource().key_of(b"", 0, 0) == bytes(16)


def test_with_names_only_these_count():
    """The golden vector of service.name alone, whatever else the resource has."""
    made = resource(host_name="b", service_name="checkout")
    assert str((key_by(("service.name", "nobody"), made) or b"").hex()) == "831d0817d731c2054ac194e9ddcf7e5c"
    assert key_by(("service.name",), made) == key_by(("service.name",), resource(service_name="checkout", host_ip="c"))
    assert key_by(("service.name", "host.name"), made) == resource_key(made.attributes)


def test_a_resource_that_has_none_of_the_names_has_no_key():
    """Otherwise a name that no resource has would send everything to one partition."""
    assert key_by(("servicename",), resource(service_name="checkout")) is None
    assert key_by(("service.name",), Resource()) is None


def test_a_resource_that_stands_twice_is_merged():
    """The parsers of protobuf do the same."""
    one, other = resource(service_name="a"), resource(host_name="b")
    body = wire.enclose(1, one.SerializeToString()) + wire.enclose(1, other.SerializeToString())
    both = resource(service_name="a", host_name="b")
    assert by_resource().key_of(body, 0, len(body)) == resource_key(both.attributes)


def test_a_huge_resource_has_no_key():
    """Parsed it could have 85 times its bytes."""
    assert key_by((), resource(a="x" * (LARGEST_RESOURCE - 20))) is not None
    assert key_by((), resource(a="x" * LARGEST_RESOURCE)) is None


TRACE_ID = bytes(range(240, 256))


def bare_item(*trace_ids: bytes) -> bytes:
    """A span in which the trace id is set so many times, between other fields."""
    return b"\x12\x02id" + b"".join(wire.enclose(1, one) + b"\x30\x01" for one in trace_ids) + b"\x3d" + bytes(4)


@pytest.mark.parametrize(
    ("trace_ids", "key"),
    [
        ([TRACE_ID], b"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
        ([bytes(16), TRACE_ID], b"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
        ([bytes(15) + b"\x01"], b"0" * 31 + b"1"),
        ([], None),
        ([b""], None),
        ([bytes(16)], None),
        ([TRACE_ID, bytes(16)], None),
        ([TRACE_ID[:8]], None),
        ([TRACE_ID * 2], None),
    ],
)
def test_a_traces_key_is_its_id_in_hexadecimal(trace_ids: list[bytes], key: bytes | None):
    """Of several ids the last counts, as in protobuf. Without a valid id the key is null, never empty."""
    item = bare_item(*trace_ids)
    assert by_trace(1).key_of(b"x" + item + b"x", 1, 1 + len(item)) == key


def test_a_log_records_trace_id_is_another_field():
    """Its field number depends on the signal."""
    item = wire.enclose(9, TRACE_ID)
    assert by_trace(9).key_of(item, 0, len(item)) == TRACE_ID.hex().encode()
    assert by_trace(1).key_of(item, 0, len(item)) is None
