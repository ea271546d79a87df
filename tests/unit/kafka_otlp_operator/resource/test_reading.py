"""A stored resource as one of two values."""

from typing import Any

import pytest

from kafka_otlp_operator.resource.reading import Unreadable, read
from kafka_otlp_operator.resource.spec import Resource, parse
from tests.unit.kafka_otlp_operator.resources import SECURE, raw

METADATA: dict[str, Any] = {"generation": 7, "resourceVersion": "41"}


def unreadable(spec: Any) -> Unreadable:
    """What is read of a resource with this spec."""
    found = read(raw(**METADATA) | {"spec": spec})
    assert isinstance(found, Unreadable)
    return found


def test_a_valid_resource_is_what_parse_returns():
    """With its metadata."""
    found = read(raw(SECURE, **METADATA))
    assert isinstance(found, Resource)
    assert found == parse(raw(SECURE, **METADATA))
    assert (found.name, found.namespace, found.uid) == ("edge", "telemetry", "uid-1")
    assert (found.generation, found.resource_version) == (7, "41")


def test_an_invalid_resource_keeps_its_metadata_and_the_reason():
    """So that a status can be written about it."""
    found = unreadable({"lingerMS": 1})
    assert (found.name, found.namespace, found.uid) == ("edge", "telemetry", "uid-1")
    assert (found.generation, found.resource_version) == (7, "41")
    assert str(found.invalid) == "spec.lingerMS: there is no such field; did you mean spec.lingerMs?"
    refused = unreadable({"brokers": ["kafka:9092"], "customConfig": {"debug": "all"}}).invalid
    assert refused.reason == "InvalidKafkaConfig"


def test_fields_that_are_valid_by_themselves_are_read():
    """The others have their defaults: one mistake does not hide that the resource is paused, or whose Secret it names."""
    workload = unreadable({**SECURE, "lingerMS": 1, "paused": True, "otlp": {"grpc": {"port": 80}}}).workload
    assert workload.paused
    assert workload.sasl is not None
    assert workload.sasl.password_secret_ref.name == "edge-kafka"
    assert [one.port for one in workload.otlp.served] == [4317, 4318]


@pytest.mark.parametrize("spec", [None, [], "x", {}, {"paused": "yes", "sasl": [], "replicas": -1}])
def test_nothing_that_can_be_read(spec):
    """Whatever an older definition allowed to be stored, there is a value, with the defaults."""
    workload = unreadable(spec).workload
    assert (workload.paused, workload.sasl, workload.replicas) == (False, None, 1)
