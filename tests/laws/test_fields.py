"""Every field of the custom resource: set, changed, taken back."""

from typing import Any

import pytest

from kafka_otlp_operator.objects.manifests import desired
from kafka_otlp_operator.resource.spec import parse
from tests.laws.walk import WITHOUT_EFFECT, Field, fields

FIELDS = fields()


def objects(spec: Any) -> Any:
    """The objects that the operator makes of a resource with this spec."""
    metadata = {"name": "edge", "namespace": "telemetry", "uid": "u"}
    return desired(parse({"metadata": metadata, "spec": {"brokers": ["kafka:9092"], **spec}}), "image:1")


def pod_template(made: Any) -> Any:
    """The pod template among these objects."""
    return next(one for one in made if one["kind"] == "Deployment")["spec"]["template"]


def test_all_are_walked():
    """The walk covers every part of the spec, and each of its exceptions is a field."""
    paths = {field.path for field in FIELDS}
    assert {"brokers", "lingerMs", "replicas", "sasl.username", "otlp.http.port", "podTemplate.env[].value"} <= paths
    assert WITHOUT_EFFECT.keys() <= paths
    assert len(paths) == len(FIELDS) > 150


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_a_field_does_something_and_leaves_no_trace(field: Field):
    """Setting a field changes the objects, another value changes them again, and going back restores the pod template."""
    unset, one, other, again, back = (
        objects(spec) for spec in (field.unset, field.one, field.other, field.one, field.unset)
    )
    if field.path in WITHOUT_EFFECT:
        assert unset == one == other
    else:
        assert unset != one
        assert one != other
    assert pod_template(unset) == pod_template(back)
    assert pod_template(one) == pod_template(again)
