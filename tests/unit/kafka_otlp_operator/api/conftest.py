"""Fixtures of the tests of calls to the API server."""

from collections.abc import Iterator

import pytest

from tests.unit.kafka_otlp_operator.api.scripted_server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that answers as the test says."""
    running = ScriptedServer()
    yield running
    running.close()
