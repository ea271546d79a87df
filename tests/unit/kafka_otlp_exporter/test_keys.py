"""The key of a resource."""

from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from kafka_otlp_exporter.keys import resource_key


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
    """Two exporters of one resource write to one partition."""
    one, other = resource(service_name="a", host_name="b"), resource(host_name="b", service_name="a")
    assert resource_key(one.attributes) == resource_key(other.attributes)


def test_of_two_attributes_with_one_name_the_first_counts():
    """As in the Collector's maps."""
    twice = resource(service_name="a")
    twice.attributes.add(key="service.name").value.string_value = "b"
    assert resource_key(twice.attributes) == resource_key(resource(service_name="a").attributes)


def test_a_number_is_not_its_text():
    """The kind of a value is part of the key."""
    text, number, boolean = Resource(), Resource(), Resource()
    text.attributes.add(key="a").value.string_value = "1"
    number.attributes.add(key="a").value.int_value = 1
    boolean.attributes.add(key="a").value.bool_value = True
    assert len({resource_key(made.attributes) for made in (text, number, boolean)}) == 3
