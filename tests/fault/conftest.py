"""Fixtures of the tests that break something: those of the contract tests, and a proxy before the API server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.beds.api_proxy import ApiProxy
from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import install

# `make fault` asks for all of it; `make test` for what is over in a minute.
FULL = os.environ.get("KAFKA_OTLP_FAULT_FULL") == "1"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server that knows the custom resource, and at which no operator of another test is at work."""
    with ApiServer(tmp_path_factory.mktemp("kubernetes")) as server:
        install(server)
        yield server


@pytest.fixture
def proxy(api: ApiServer, tmp_path: Path) -> Iterator[ApiProxy]:
    """A proxy before it."""
    with ApiProxy(api, tmp_path) as running:
        yield running
