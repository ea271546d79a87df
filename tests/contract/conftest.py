"""Fixtures of the tests against a real API server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import Namespace, Operator, install


@pytest.fixture(scope="session")
def api(api_server: ApiServer) -> ApiServer:
    """A real API server that knows the custom resource."""
    install(api_server)
    return api_server


@pytest.fixture(scope="session")
def _operator(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    running = Operator(api, tmp_path_factory.mktemp("operator") / "log")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def operator(_operator: Operator) -> Operator:
    """The operator, at work in every namespace."""
    return _operator


@pytest.fixture
def namespace(api: ApiServer) -> Namespace:
    """A namespace of the test's own."""
    return Namespace(api)
