"""What reconciles come to in the tests of the controller."""

from typing import Any

import pytest

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import OperatorError, Unavailable
from kafka_otlp_operator.loop import controller as module
from kafka_otlp_operator.loop import leadership
from kafka_otlp_operator.reconcile import Result
from tests.unit.kafka_otlp_operator.loop.controllers import AWAY, BUG, LATER


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Key]:
    """The keys that were reconciled. Some names fail; the others do well."""
    found: list[Key] = []

    def reconcile(cluster: Any, checker: Any, settings: Any, key: Key, now: Any) -> Result:
        found.append(key)
        if key == BUG:
            raise ZeroDivisionError
        return Result(failure={LATER: OperatorError("not now"), AWAY: Unavailable("no answer")}.get(key))

    monkeypatch.setattr(module, "reconcile", reconcile)
    monkeypatch.setattr(module, "_NOT_YET_SECONDS", 0.01)
    monkeypatch.setattr(leadership, "RETRY_SECONDS", 0.002)
    return found
