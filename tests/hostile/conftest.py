"""One exporter for each module of rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.beds.mock_kafka import MockKafka
from tests.hostile.target import Target


@pytest.fixture(scope="module")
def target(mock_kafka: MockKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An exporter of the module's own."""
    running = Target(tmp_path_factory.mktemp("hostile"), mock_kafka)
    yield running
    running.stop()
