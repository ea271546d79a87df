"""Fixtures of the tests against a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import ROOT, Namespace, Operator, install, served_pod_monitors, until


# A scope of "package": the API server and its controllers cost CPU time for as long as they run, and the tests of the other
# folders, which come later, have no use for them.
@pytest.fixture(scope="package")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real Kubernetes API."""
    with ApiServer(tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


@pytest.fixture(scope="package")
def api(api_server: ApiServer) -> ApiServer:
    """A real API server that knows the custom resource."""
    install(api_server)
    return api_server


@pytest.fixture(scope="package")
def _operator(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with Operator(api, tmp_path_factory.mktemp("operator") / "log") as running:
        yield running


@pytest.fixture
def operator(_operator: Operator) -> Operator:
    """The operator, at work in every namespace."""
    return _operator


@pytest.fixture
def namespace(api: ApiServer) -> Iterator[Namespace]:
    """A namespace of the test's own. Its resources are deleted afterwards: every operator that starts would reconcile them."""
    place = Namespace(api)
    yield place
    place.clear()


@pytest.fixture(scope="package")
def roles(api: ApiServer) -> None:
    """Everything of deploy/install.yaml but the Deployment; Kubernetes' own roles have taken up ours."""
    documents = yaml.safe_load_all((ROOT / "deploy" / "install.yaml").read_text())
    items = [document for document in documents if document["kind"] != "Deployment"]
    for item in items:  # the namespace first
        api.kubectl("apply", "-f", "-", input=json.dumps(item))
    for role in ("view", "edit", "admin"):
        until(lambda role=role: "kafka-otlp.dev" in api.kubectl("get", "clusterrole", role, "-o", "yaml"), role)  # type: ignore[misc]


@pytest.fixture
def service_account(api: ApiServer, roles: None, tmp_path: Path) -> Path:
    """A kubeconfig of the operator's own service account."""
    token = api.kubectl("-n", "kafka-otlp", "create", "token", "kafka-otlp-operator").strip()
    config = json.loads(api.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


@pytest.fixture
def pod_monitors(api: ApiServer) -> Iterator[None]:
    """An API server that knows PodMonitors, as long as the test runs."""
    with served_pod_monitors(api):
        yield
