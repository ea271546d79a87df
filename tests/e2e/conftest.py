"""What the stories stand on: the operator, a Kafka and a client in the cluster, and a namespace for each test."""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Iterator

import pytest

from tests.e2e import kafka as kafkas
from tests.e2e import kubectl as cluster
from tests.e2e import report
from tests.e2e.client import Client
from tests.e2e.kafka import Kafka
from tests.e2e.kubectl import RESOURCE, Namespace, kubectl

OPERATOR = Namespace("kafka-otlp")


@pytest.fixture(scope="session")
def operator() -> Namespace:
    """The operator, installed as the README says; its namespace."""
    OPERATOR.apply(cluster.read("deploy", "install.yaml"))
    kubectl("wait", "--for=condition=Established", f"crd/{RESOURCE}", "--timeout=60s")
    # In a cluster that is used again the image may be newer than the pod.
    OPERATOR.kubectl("rollout", "restart", "deployment/kafka-otlp-operator")
    OPERATOR.kubectl("rollout", "status", "deployment/kafka-otlp-operator", "--timeout=120s", seconds=130)
    return OPERATOR


@pytest.fixture(scope="session")
def kafka() -> Kafka:
    """The Kafka that the environment names, else one of our own."""
    return kafkas.named() or kafkas.installed()


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A pod with the OpenTelemetry SDK."""
    namespace = Namespace("kafka-otlp-client")
    pod = Client(namespace)
    pod.start()
    yield pod
    namespace.delete()


@pytest.fixture
def namespace(request: pytest.FixtureRequest, operator: Namespace) -> Iterator[Namespace]:
    """A namespace of the test's own that enforces Pod Security ``restricted``."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    made = Namespace(f"{words[:40].strip('-')}-{secrets.token_hex(2)}")
    made.create()
    yield made
    made.delete()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what a person would look up to the report of a test that failed."""
    found = yield
    if found.failed:
        used = getattr(item, "funcargs", {}).get("namespace")
        found.sections += report.sections(used.name if isinstance(used, Namespace) else OPERATOR.name)
    return found
