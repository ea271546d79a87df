"""The number of pods."""

import pytest
from pydantic import ValidationError

from kafka_otlp_operator.resource.scaling import PodDisruptionBudget, Scaling, ScalingMode


def test_replicas_say_it_by_default():
    """Pods scale automatically only when the resource asks for it."""
    assert Scaling().mode is ScalingMode.FIXED


@pytest.mark.parametrize("limit", [0, 3, "0%", "50%", "100%"])
def test_limits(limit):
    """A limit is a number of pods, or a share of them."""
    assert PodDisruptionBudget(maxUnavailable=limit).max_unavailable == limit


@pytest.mark.parametrize("limit", [-1, 1001, "3", "101%", "1.5%", "%", True])
def test_no_limits(limit):
    """Limits that Kubernetes would refuse, or could never reach, are refused."""
    with pytest.raises(ValidationError):
        PodDisruptionBudget(minAvailable=limit)
