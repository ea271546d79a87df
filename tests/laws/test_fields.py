"""Every field of the custom resource: set, changed, taken back."""

from typing import Any

import pytest

from kafka_otlp_operator.objects.manifests import desired
from kafka_otlp_operator.resource.spec import parse
from tests.laws.walk import WITHOUT_EFFECT, Field, fields

FIELDS = fields()


def objects(spec: Any) -> Any:
    """What a resource of this spec becomes."""
    metadata = {"name": "edge", "namespace": "telemetry", "uid": "u"}
    return desired(parse({"metadata": metadata, "spec": {"brokers": ["kafka:9092"], **spec}}), "image:1")


def pod_template(spec: Any) -> Any:
    """Its pod template."""
    return next(one for one in objects(spec) if one["kind"] == "Deployment")["spec"]["template"]


def test_all_are_walked():
    """The walk knows every part of the spec, and its exceptions are fields that there are."""
    paths = {field.path for field in FIELDS}
    assert {"brokers", "lingerMs", "replicas", "sasl.username", "otlp.http.port", "podTemplate.env[].value"} <= paths
    assert WITHOUT_EFFECT.keys() <= paths
    assert len(paths) == len(FIELDS) > 150


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_a_field_does_something(field: Field):
    """Setting a field changes what is made of the resource, and so does another value."""
    unset, one, other = (objects(spec) for spec in (field.unset, field.one, field.other))
    if field.path in WITHOUT_EFFECT:
        assert unset == one == other
    else:
        assert unset != one
        assert one != other


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_a_field_leaves_no_trace(field: Field):
    """There and back gives the same pod template, whatever was made of the resource in between."""
    way = (field.unset, field.one, field.other, field.one, field.unset)
    templates = [pod_template(spec) for spec in way]
    assert templates[0] == templates[4]
    assert templates[1] == templates[3]
