"""Fixtures of the fault tests: an API server for each file, and a proxy in front of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.beds.api_proxy import ApiProxy
from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import install

# `make fault` runs the long forms, `make test` the short ones.
FULL = os.environ.get("KAFKA_OTLP_FAULT_FULL") == "1"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server that knows the custom resource. No operator of another file works at it."""
    with ApiServer(tmp_path_factory.mktemp("kubernetes")) as server:
        install(server)
        yield server


@pytest.fixture
def proxy(api: ApiServer, tmp_path: Path) -> Iterator[ApiProxy]:
    """A proxy in front of the API server."""
    with ApiProxy(api, tmp_path) as running:
        yield running
