"""The operator's own options."""

import pytest
from pydantic import ValidationError

from kafka_otlp_operator.settings import VERSION, Settings


def test_defaults():
    """Without any variable the operator works everywhere, with the image of its own version."""
    assert Settings().image == f"kafka-otlp-exporter:{VERSION}"
    assert Settings().watched == ()


def test_environment(monkeypatch):
    """Each field is a variable."""
    monkeypatch.setenv("KAFKA_OTLP_OPERATOR_NAMESPACES", "a, b,")
    monkeypatch.setenv("KAFKA_OTLP_OPERATOR_RESYNC_SECONDS", "5")
    assert (Settings().watched, Settings().resync_seconds) == (("a", "b"), 5)


def test_limits(monkeypatch):
    """A value out of range is refused."""
    monkeypatch.setenv("KAFKA_OTLP_OPERATOR_WORKERS", "0")
    with pytest.raises(ValidationError):
        Settings()
