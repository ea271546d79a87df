"""The operator's own options."""

import pytest
from pydantic import ValidationError

from kafka_otlp_operator.settings import RELEASE, Settings


def test_defaults():
    """Without any variable the operator works everywhere, with the image of its own version."""
    assert Settings().image == f"kafka-otlp-exporter:{RELEASE}"
    assert Settings().watched == ()


def test_environment(monkeypatch):
    """Each field is read from a variable."""
    monkeypatch.setenv("KAFKA_OTLP_OPERATOR_NAMESPACES", "a, b,")
    monkeypatch.setenv("KAFKA_OTLP_OPERATOR_RESYNC_SECONDS", "5")
    assert (Settings().watched, Settings().resync_seconds) == (("a", "b"), 5)


def test_limits(monkeypatch):
    """A value out of range is refused."""
    monkeypatch.setenv("KAFKA_OTLP_OPERATOR_WORKERS", "0")
    with pytest.raises(ValidationError):
        Settings()


def test_allowed_properties(monkeypatch):
    """The platform can allow properties beyond the table, but none of those that are always refused."""
    monkeypatch.setenv("KAFKA_OTLP_OPERATOR_ALLOWED_PROPERTIES", "allow.auto.create.topics, a.property.of.tomorrow")
    assert Settings().properties == ("allow.auto.create.topics", "a.property.of.tomorrow")
    monkeypatch.setenv("KAFKA_OTLP_OPERATOR_ALLOWED_PROPERTIES", "client.rack,plugin.library.paths")
    with pytest.raises(ValidationError, match=r"plugin\.library\.paths is refused: .* No setting can allow it\."):
        Settings()
