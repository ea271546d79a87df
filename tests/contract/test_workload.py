"""Optional objects, the number of pods, and pausing: the operator's process and a real API server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import RESOURCE, Namespace, Operator, applied, served_pod_monitors, until

pytestmark = pytest.mark.kubernetes

CPU = {"requests": {"cpu": "250m", "memory": "128Mi"}}
EVERYTHING: dict[str, Any] = {
    "resources": CPU,
    "scaling": {"mode": "HPA", "minReplicas": 2, "maxReplicas": 5},
    "podDisruptionBudget": {"minAvailable": "50%"},
    "networkPolicy": {},
}
POLICIES = ("networkpolicy", "poddisruptionbudget", "horizontalpodautoscaler")


def replicas(namespace: Namespace) -> int:
    """The number of pods that the Deployment asks for."""
    found: int = namespace.get("deployment")["spec"]["replicas"]
    return found


def scale(namespace: Namespace, number: int) -> None:
    """Set the number of pods as an autoscaler does it: through the Deployment's scale subresource, by another manager."""
    path = f"/apis/apps/v1/namespaces/{namespace.name}/deployments/edge/scale"
    body = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "edge", "namespace": namespace.name},
        "spec": {"replicas": number},
    }
    namespace.kubectl("replace", "--raw", f"{path}?fieldManager=autoscaler", "-f", "-", input=json.dumps(body))


def generation(namespace: Namespace) -> int:
    """How often the Deployment's spec has changed."""
    found: int = namespace.get("deployment")["metadata"]["generation"]
    return found


def touched(namespace: Namespace) -> None:
    """Make the operator look at everything again, and wait until it writes nothing more."""
    namespace.kubectl("annotate", "serviceaccount", "edge", f"touched=at-{time.monotonic_ns()}", "--overwrite")
    namespace.settle()


def test_everything_is_made_and_goes_again(operator: Operator, namespace: Namespace) -> None:
    """Autoscaler, budget and policy are made when the resource asks for them, owned by it, and deleted when it no longer does."""
    namespace.apply(EVERYTHING)
    applied(namespace)
    assert namespace.condition("Applied")["status"] == "True"
    uid = namespace.get(RESOURCE)["metadata"]["uid"]
    for kind in POLICIES:
        (owner,) = namespace.get(kind)["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (uid, True)
    assert namespace.get("poddisruptionbudget")["spec"]["minAvailable"] == "50%"
    assert namespace.get("horizontalpodautoscaler")["spec"]["maxReplicas"] == 5
    foreign = namespace.get("networkpolicy")
    foreign["metadata"] = {"name": "theirs", "labels": foreign["metadata"]["labels"]}
    namespace.kubectl("create", "-f", "-", input=json.dumps(foreign))
    namespace.apply({})
    for kind in POLICIES:
        until(lambda kind=kind: not namespace.exists(kind), f"end of {kind}")  # type: ignore[misc]
    namespace.settle()
    assert namespace.exists("networkpolicy", "theirs")


def test_policies_are_repaired(operator: Operator, namespace: Namespace) -> None:
    """The operator repairs those that somebody deletes or changes."""
    namespace.apply(EVERYTHING)
    applied(namespace)
    for kind in POLICIES:
        namespace.kubectl("delete", kind, "edge")
        until(lambda kind=kind: namespace.exists(kind), f"{kind} again", 5)  # type: ignore[misc]
    patch = json.dumps({"spec": {"maxReplicas": 9}})
    namespace.kubectl("patch", "horizontalpodautoscaler", "edge", "--type=merge", "-p", patch)
    until(lambda: namespace.get("horizontalpodautoscaler")["spec"]["maxReplicas"] == 5, "its limit again", 5)


def test_no_change_writes_nothing(operator: Operator, namespace: Namespace) -> None:
    """With every optional object, another reconcile writes nothing."""
    namespace.apply(EVERYTHING)
    applied(namespace)
    namespace.settle()
    before = {kind: namespace.get(kind)["metadata"]["resourceVersion"] for kind in (*POLICIES, "deployment", RESOURCE)}
    touched(namespace)
    after = {kind: namespace.get(kind)["metadata"]["resourceVersion"] for kind in before}
    assert after == before


def test_the_number_of_pods_is_handed_over_and_taken_back(operator: Operator, namespace: Namespace) -> None:
    """Fixed, External, Fixed: the number stays the same until its new owner changes it, and never falls to one."""
    namespace.apply({"replicas": 3})
    applied(namespace)
    namespace.settle()
    before = generation(namespace)
    namespace.apply({"replicas": 3, "scaling": {"mode": "External"}})
    applied(namespace)
    namespace.settle()
    assert (replicas(namespace), generation(namespace)) == (3, before)
    scale(namespace, 5)
    before = generation(namespace)
    touched(namespace)
    namespace.apply({"replicas": 2, "scaling": {"mode": "External"}})
    applied(namespace)
    touched(namespace)
    assert (replicas(namespace), generation(namespace)) == (5, before)
    namespace.apply({"replicas": 2, "scaling": {"mode": "External"}, "lingerMs": 9})
    until(lambda: generation(namespace) == before + 1, "a rollout")
    touched(namespace)
    assert (replicas(namespace), generation(namespace)) == (5, before + 1)
    namespace.apply({"replicas": 2})
    until(lambda: replicas(namespace) == 2, "the resource's number")
    scale(namespace, 7)
    until(lambda: replicas(namespace) == 2, "the resource's number again")
    namespace.apply({"replicas": 2, "scaling": {"mode": "External"}})
    applied(namespace)
    scale(namespace, 4)
    touched(namespace)
    assert replicas(namespace) == 4


def test_the_number_never_blinks(operator: Operator, namespace: Namespace) -> None:
    """During the hand-over, a watcher sees no version of the Deployment with another number of pods."""
    namespace.apply({"replicas": 4})
    applied(namespace)
    namespace.settle()
    first = namespace.get("deployment")["metadata"]["resourceVersion"]
    for spec in ({"replicas": 4, "scaling": {"mode": "External"}}, {"replicas": 4}) * 3:
        namespace.apply(spec)
        applied(namespace)
    namespace.settle()
    path = f"/apis/apps/v1/namespaces/{namespace.name}/deployments?watch=1&resourceVersion={first}&timeoutSeconds=2"
    events = [json.loads(line) for line in namespace.kubectl("get", "--raw", path).splitlines()]
    assert len(events) >= 6
    assert {event["object"]["spec"]["replicas"] for event in events} == {4}


@pytest.mark.parametrize(
    ("spec", "first"),
    [
        ({"scaling": {"mode": "External"}, "replicas": 3}, 3),
        ({"scaling": {"mode": "HPA", "minReplicas": 2, "maxReplicas": 4}, "resources": CPU}, 2),
    ],
    ids=["External", "HPA"],
)
def test_the_first_number(spec: dict[str, Any], first: int, operator: Operator, namespace: Namespace) -> None:
    """A new Deployment starts with the resource's number, or the autoscaler's minimum; then its scaler owns the number."""
    namespace.apply(spec)
    applied(namespace)
    assert replicas(namespace) == first
    scale(namespace, 4)
    touched(namespace)
    assert replicas(namespace) == 4


def test_scaled_by_an_autoscaler(operator: Operator, namespace: Namespace) -> None:
    """From Fixed to HPA and back: the autoscaler owns the number in between, and is deleted afterwards."""
    namespace.apply({"replicas": 3, "resources": CPU})
    applied(namespace)
    hpa = {"mode": "HPA", "minReplicas": 2, "maxReplicas": 6}
    namespace.apply({"replicas": 3, "resources": CPU, "scaling": hpa})
    applied(namespace)
    assert replicas(namespace) == 3
    scale(namespace, 6)
    touched(namespace)
    assert replicas(namespace) == 6
    namespace.apply({"replicas": 3, "resources": CPU})
    until(lambda: not namespace.exists("horizontalpodautoscaler"), "end of the autoscaler")
    until(lambda: replicas(namespace) == 3, "the resource's number")


def reconciles(operator: Operator) -> float:
    """The number of reconciles so far."""
    lines = operator.get("/metrics")[1].splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("kafka_otlp_operator_reconciles_total"))


@pytest.fixture
def alone(operator: Operator, namespace: Namespace, tmp_path: Path) -> Iterator[Operator]:
    """An operator of this namespace only, so that its reconciles are those of the test's own resource."""
    with operator.resting(), Operator(namespace.api, tmp_path / "log", "--namespace", namespace.name) as running:
        yield running


def test_an_autoscalers_status_is_passed_over(alone: Operator, namespace: Namespace) -> None:
    """Kubernetes writes the autoscaler's status again and again; that causes no reconcile."""
    namespace.apply(EVERYTHING)
    applied(namespace)
    namespace.settle()
    before = reconciles(alone)
    for number in range(20):
        patch = json.dumps({"status": {"currentReplicas": number, "desiredReplicas": number}})
        arguments = ["--subresource=status", "--type=merge", "-p", patch]
        namespace.kubectl("patch", "horizontalpodautoscaler", "edge", *arguments)
    time.sleep(2)
    assert reconciles(alone) - before < 10


def test_paused(operator: Operator, namespace: Namespace) -> None:
    """While paused nothing is applied, repaired or pruned, and the status says so; afterwards all of it is done."""
    namespace.apply({"podDisruptionBudget": {}})
    applied(namespace)
    namespace.settle()
    ran = namespace.get(RESOURCE)["metadata"]["generation"]
    before = generation(namespace)
    namespace.apply({"lingerMs": 8, "replicas": 2, "paused": True})
    until(lambda: namespace.condition("Paused").get("status") == "True", "Paused=True")
    namespace.kubectl("delete", "service", "edge")
    namespace.kubectl("scale", "deployment", "edge", "--replicas=4")
    until(lambda: namespace.get(RESOURCE)["status"]["replicas"] == 4, "4 replicas in the status")
    assert generation(namespace) == before + 1
    assert not namespace.exists("service")
    assert namespace.exists("poddisruptionbudget")
    resource = namespace.get(RESOURCE)
    assert resource["status"]["observedGeneration"] == resource["metadata"]["generation"] > ran
    assert namespace.condition("Ready")["observedGeneration"] == ran
    assert namespace.condition("Ready")["message"].endswith("The resource is paused: its changes are not applied.")
    namespace.apply({"lingerMs": 8, "replicas": 2})
    until(lambda: replicas(namespace) == 2, "the resource's number")
    until(lambda: namespace.exists("service"), "service again")
    until(lambda: not namespace.exists("poddisruptionbudget"), "end of the budget")
    until(lambda: namespace.condition("Paused").get("status") == "False", "Paused=False")


WANTED = {"metrics": {"podMonitor": {"interval": "15s", "labels": {"release": "prometheus"}}}}


def test_without_pod_monitors(operator: Operator, namespace: Namespace) -> None:
    """On an API server without PodMonitors the status says so, and it is no failure."""
    namespace.apply(WANTED)
    applied(namespace)
    said = namespace.condition("Applied")
    assert (said["status"], said["reason"]) == ("True", "AppliedWhatIsServed")
    assert "PodMonitor (monitoring.coreos.com/v1): the API server does not serve that kind" in said["message"]
    assert namespace.exists("deployment")


def test_pod_monitor(operator: Operator, namespace: Namespace, pod_monitors: None) -> None:
    """Once the kind is served, the PodMonitor is made without a restart of the operator, repaired, and pruned."""
    until(lambda: "podmonitors" in namespace.api.kubectl("api-resources", "-o", "name"), "discovery of PodMonitors")
    namespace.apply(WANTED)
    until(lambda: namespace.exists("podmonitor"), "PodMonitor")
    applied(namespace)
    assert namespace.condition("Applied")["reason"] == "Applied"
    found = namespace.get("podmonitor")
    assert found["metadata"]["labels"]["release"] == "prometheus"
    assert found["spec"]["podMetricsEndpoints"] == [{"port": "admin", "path": "/metrics", "interval": "15s"}]
    namespace.kubectl("delete", "podmonitor", "edge")
    until(lambda: namespace.exists("podmonitor"), "PodMonitor again", 10)
    namespace.apply({})
    until(lambda: not namespace.exists("podmonitor"), "end of the PodMonitor")


def test_a_definition_that_comes_and_goes(operator: Operator, namespace: Namespace, api: ApiServer) -> None:
    """A kind that kopf watches may be deleted: the operator goes on, and watches it again when it is back."""
    pid = operator.process.pid
    for pause in (0, 0.5, 1, 2, 3):
        with served_pod_monitors(api):
            time.sleep(pause)
    with served_pod_monitors(api):
        namespace.apply(WANTED)
        until(lambda: namespace.exists("podmonitor"), "PodMonitor")
        namespace.kubectl("delete", "podmonitor", "edge")
        until(lambda: namespace.exists("podmonitor"), "PodMonitor again", 10)
    assert operator.process.running
    assert operator.process.pid == pid
