"""What the models of fields are made of."""

import pytest
from pydantic import ValidationError

from kafka_otlp_operator.resource.parts import CertificateRef, SecretKeyRef, kubernetes


def test_no_other_fields():
    """An unknown field is refused; the error does not repeat its value."""
    with pytest.raises(ValidationError) as refused:
        SecretKeyRef.model_validate({"name": "a", "key": "b", "value": "hunter2"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("key", ["", "a/b", "..\n"])
def test_keys_are_those_that_a_secret_can_have(key):
    """A key becomes part of a path, so it must follow Kubernetes' own rule."""
    with pytest.raises(ValidationError):
        SecretKeyRef(name="a", key=key)


def test_a_certificate_has_a_name():
    """An empty name is refused."""
    with pytest.raises(ValidationError):
        CertificateRef(name="")


def test_lists_merged_by_key():
    """A list of a Kubernetes type has its merge keys."""
    assert kubernetes("V1EnvVar", map_keys=("name",)) == {
        "x-kubernetes-type": "V1EnvVar",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
