"""What happens to a running resource: edits, scaling, restarts, crashes, deletion. No acknowledged record is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.beds.kubernetes import KubectlError
from tests.e2e.client import Client
from tests.e2e.kafka import Kafka
from tests.e2e.kubectl import RESOURCE, Namespace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def edge(namespace: Namespace, kafka: Kafka) -> Namespace:
    """A namespace in which the minimal example runs and is ready."""
    namespace.apply_example("minimal", brokers=kafka.plain if kafka.plain != "kafka.kafka.svc:9092" else None)
    namespace.wait_ready("edge")
    return namespace


def test_an_edit_rolls_out_under_traffic_and_loses_nothing(edge: Namespace, kafka: Kafka, client: Client):
    """New pods replace old ones while clients send; every item is acknowledged and in Kafka."""
    before = names(edge)
    with traffic(edge, kafka, client, seconds=30) as counted:
        time.sleep(5)
        patch(edge, {"spec": {"lingerMs": 7}})
        edge.wait_ready("edge")
    assert not before & names(edge)
    status = json.loads(client.get(f"http://edge.{edge.name}.svc:9464/status"))
    assert status["producer"]["queue.buffering.max.ms"] == "7"
    assert_nothing_lost(counted)


def test_scaling_by_kubectl_stays(edge: Namespace):
    """kubectl scale changes the resource, the pods follow, and the status counts them."""
    edge.kubectl("scale", RESOURCE, "edge", "--replicas=2")
    edge.wait_ready("edge")
    assert len(edge.pods("edge")) == 2
    status = (edge.get(RESOURCE, "edge") or {})["status"]
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)


def test_a_rollout_restart_is_not_undone(edge: Namespace):
    """The annotation that kubectl writes is left alone, so the restart runs to its end and stays."""
    before = names(edge)
    edge.kubectl("rollout", "restart", "deployment/edge")
    edge.kubectl("rollout", "status", "deployment/edge", "--timeout=90s", seconds=100)
    edge.wait(lambda: not before & names(edge), "the old pods are gone")
    after = names(edge)
    patch(edge, {"metadata": {"labels": {"touched": "yes"}}})
    time.sleep(5)
    assert names(edge) == after
    template = (edge.get("deployment", "edge") or {})["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]


def test_what_was_deleted_comes_back(edge: Namespace):
    """Deployment and Service are there again soon after somebody has deleted them."""
    for kind in ("deployment", "service"):
        uid = (edge.get(kind, "edge") or {})["metadata"]["uid"]
        edge.kubectl("delete", kind, "edge", "--wait=false")
        edge.wait(lambda kind=kind, uid=uid: _replaced(edge, kind, uid), f"the {kind} is there again", 30)  # type: ignore[misc]
    edge.wait_ready("edge")


def test_another_operator_takes_over_from_one_that_is_killed(edge: Namespace, operator: Namespace):
    """Two run and one acts; within 20 seconds of its end the other one does, and changes go on being brought about."""

    def acting() -> str:
        lease = operator.get("lease", "kafka-otlp-operator") or {}
        return str(lease["spec"]["holderIdentity"]).partition("_")[0]

    assert len(operator.all("pods", "app.kubernetes.io/name=kafka-otlp-operator")) == 2
    killed = acting()
    operator.kubectl("delete", "pod", killed, "--grace-period=0", "--force")
    operator.wait(lambda: acting() not in {killed, ""}, "another operator acts", 20)
    patch(edge, {"spec": {"lingerMs": 11}})
    edge.wait_ready("edge")
    operator.kubectl("rollout", "status", "deployment/kafka-otlp-operator", "--timeout=120s", seconds=130)


def test_data_flows_while_the_operator_is_away(edge: Namespace, kafka: Kafka, client: Client, operator: Namespace):
    """Killed under traffic: nothing is lost, and a resource that is deleted meanwhile is gone without it."""
    with traffic(edge, kafka, client, seconds=10) as counted:
        operator.kubectl("scale", "deployment/kafka-otlp-operator", "--replicas=0")
        operator.kubectl("delete", "pods", "--all", "--grace-period=0", "--force")
    try:
        assert_nothing_lost(counted)
        edge.kubectl("delete", RESOURCE, "edge", "--timeout=30s")
        edge.wait(lambda: owned(edge) == [], "everything of the resource is gone", 90)
    finally:
        operator.kubectl("scale", "deployment/kafka-otlp-operator", "--replicas=2")
        operator.kubectl("rollout", "status", "deployment/kafka-otlp-operator", "--timeout=120s", seconds=130)


def test_a_bad_resource_is_refused_by_the_api_server(namespace: Namespace):
    """What the schema can see never gets in, and the sentence names the field."""
    bad = {"brokers": ["kafka:9092"], "compression": "brotli"}
    with pytest.raises(KubectlError, match=r"spec\.compression"):
        namespace.apply([resource("bad", bad)])


def test_a_bad_edit_is_shown_while_the_old_pods_serve(edge: Namespace, kafka: Kafka, client: Client):
    """What only librdkafka can see is a condition that names the property; the running pods stay as they are."""
    before = names(edge)
    patch(edge, {"spec": {"customConfig": {"no.such.property": "1"}}})
    edge.wait(lambda: edge.condition("edge").get("reason") == "InvalidKafkaConfig", "the status names the cause")
    assert "no.such.property" in edge.condition("edge")["message"]
    assert names(edge) == before
    with traffic(edge, kafka, client, seconds=3) as counted:
        pass
    assert_nothing_lost(counted)


def test_a_pod_killed_under_load_loses_nothing_acknowledged(edge: Namespace, kafka: Kafka, client: Client):
    """SIGKILL to one of two pods: its clients are refused for a moment, and what was acknowledged is in Kafka."""
    edge.kubectl("scale", RESOURCE, "edge", "--replicas=2")
    edge.wait_ready("edge")
    with traffic(edge, kafka, client, seconds=20, rate=400) as counted:
        time.sleep(5)
        edge.kubectl("delete", "pod", min(names(edge)), "--grace-period=0", "--force")
    # A server that is killed cancels what it held, and OTLP has clients send that again too.
    assert_nothing_lost(counted, {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"})


def test_deleting_the_resource_removes_everything(edge: Namespace):
    """No finalizer holds it up, and nothing of it stays."""
    assert "finalizers" not in (edge.get(RESOURCE, "edge") or {})["metadata"]
    edge.kubectl("delete", RESOURCE, "edge", "--timeout=30s")
    edge.wait(lambda: owned(edge) == [], "everything of the resource is gone", 90)


@contextmanager
def traffic(
    namespace: Namespace, kafka: Kafka, client: Client, seconds: float, rate: float = 100
) -> Iterator[dict[str, Any]]:
    """Clients that send while the block runs, and as long as ``seconds``; afterwards, what they counted."""
    counted: dict[str, Any] = {}
    running = client.begin(
        "traffic",
        endpoint=f"edge.{namespace.name}.svc:4317",
        client=kafka.client(),
        topic="otlp_logs",
        seconds=seconds,
        rate=rate,
    )
    try:
        yield counted
    finally:
        counted |= running.answer()


def assert_nothing_lost(
    counted: dict[str, Any], may_be_refused: Collection[str] = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})
) -> None:
    """Everything that was acknowledged is in Kafka, no client had to give up, and answers but OK were of these codes."""
    assert counted["acknowledged"] > 0, counted
    assert counted["lost"] == [], counted
    assert counted["abandoned"] == 0, counted
    assert set(counted["refused"]) <= {*may_be_refused}, counted


def names(namespace: Namespace) -> set[str]:
    """The names of the exporter's pods."""
    return {pod["metadata"]["name"] for pod in namespace.pods("edge")}


def owned(namespace: Namespace) -> list[str]:
    """What there still is of the resource."""
    kinds = "deployments,replicasets,pods,services,serviceaccounts"
    selector = "--selector=app.kubernetes.io/instance=edge"
    return namespace.kubectl("get", kinds, selector, "--output=name").split()


def patch(namespace: Namespace, change: dict[str, Any]) -> None:
    """Edit the resource."""
    namespace.kubectl("patch", RESOURCE, "edge", "--type=merge", f"--patch={json.dumps(change)}")


def resource(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A resource of a test's own."""
    return {
        "apiVersion": "kafka-otlp.dev/v1alpha1",
        "kind": "KafkaOtlpExporter",
        "metadata": {"name": name},
        "spec": spec,
    }


def _replaced(namespace: Namespace, kind: str, uid: str) -> bool:
    found = namespace.get(kind, "edge")
    return found is not None and found["metadata"]["uid"] != uid
