"""The fields of the resource that are no options."""

import pytest
from pydantic import ValidationError

from kafka_otlp_operator.resource.fields import MARGIN_SECONDS, PRE_STOP_SECONDS, PodTemplate, Workload


def test_nothing_is_needed():
    """Every field has a default that works."""
    assert Workload().replicas == 1
    assert Workload().service.type == "ClusterIP"
    assert Workload().pod_template == PodTemplate()


def test_every_field_is_described():
    """kubectl explain shows these descriptions."""
    assert [name for name, info in Workload.model_fields.items() if not info.description] == []


def test_the_shortest_grace_period_leaves_time_to_answer():
    """The exporter always has time between preStop and the kill."""
    with pytest.raises(ValidationError):
        PodTemplate(terminationGracePeriodSeconds=PRE_STOP_SECONDS + MARGIN_SECONDS)
    assert PodTemplate(terminationGracePeriodSeconds=PRE_STOP_SECONDS + MARGIN_SECONDS + 2)


def test_a_refusal_repeats_no_value():
    """An error does not repeat a password that stands in the wrong place."""
    wrong = {"sasl": {"mechanism": "PLAIN", "password": "hunter2", "passwordSecretRef": "hunter2"}}
    with pytest.raises(ValidationError) as refused:
        Workload.model_validate(wrong)
    assert "hunter2" not in str(refused.value)
