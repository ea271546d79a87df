"""The operator, a process of its own, on a real API server with a real Deployment controller."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.contract.operator_bed import OWNED, RESOURCE, Namespace, Operator, applied, until
from tests.examples import EXAMPLES

pytestmark = pytest.mark.kubernetes

NAMES = {"minimal": "edge", "sasl-tls": "secure", "partitioned": "partitioned", "production": "production"}


def template(namespace: Namespace) -> dict[str, Any]:
    """The pod template of the Deployment."""
    found: dict[str, Any] = namespace.get("deployment")["spec"]["template"]
    return found


def environment(namespace: Namespace) -> dict[str, str]:
    """The environment of the exporter."""
    return {entry["name"]: entry.get("value", "") for entry in template(namespace)["spec"]["containers"][0]["env"]}


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(example: str, operator: Operator, namespace: Namespace) -> None:
    """Applying an example creates a Deployment, a Service and a ServiceAccount, all owned by the resource."""
    namespace.kubectl("apply", "-f", str(EXAMPLES[example]))
    name = NAMES[example]
    until(lambda: namespace.condition("Applied", name).get("status") == "True", f"Applied=True of {name}")
    resource = namespace.get(RESOURCE, name)
    for kind in OWNED:
        (owner,) = namespace.get(kind, name)["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (resource["metadata"]["uid"], True)
    assert resource["status"]["endpoint"] == f"{name}.{namespace.name}.svc:4317"


@pytest.mark.parametrize("example", EXAMPLES)
def test_pod_security(example: str, operator: Operator, api_server: Any) -> None:
    """The pods of every example are created in a namespace that enforces Pod Security `restricted`."""
    guarded = Namespace(api_server, {"pod-security.kubernetes.io/enforce": "restricted"})
    guarded.kubectl("apply", "-f", str(EXAMPLES[example]))
    until(lambda: len(guarded.list("pods")) > 0, "pod")


def test_no_change_writes_nothing(operator: Operator, namespace: Namespace) -> None:
    """Applying the same resource again, and waiting, changes no resourceVersion."""
    namespace.apply({"lingerMs": 7})
    applied(namespace)
    before = namespace.settle()
    namespace.apply({"lingerMs": 7})
    namespace.kubectl("annotate", "serviceaccount", "edge", "somebody=else")  # an event, so that a reconcile runs
    time.sleep(3)
    after = namespace.versions()
    assert {**after, "serviceaccount": ""} == {**before, "serviceaccount": ""}


def test_change_rolls_what_it_must(operator: Operator, namespace: Namespace) -> None:
    """A change of an option changes only the pod template. A change of replicas or of the Service does not change it."""
    namespace.apply({})
    applied(namespace)
    before, versions = template(namespace), namespace.settle()
    namespace.apply({"replicas": 3, "service": {"annotations": {"a": "b"}}})
    until(lambda: namespace.get("deployment")["spec"]["replicas"] == 3, "3 replicas")
    until(lambda: namespace.get("service")["metadata"].get("annotations") == {"a": "b"}, "annotation")
    assert template(namespace) == before
    namespace.apply({"compression": "zstd"})
    until(lambda: environment(namespace).get("KAFKA_EXPORTER_COMPRESSION") == "zstd", "new compression")
    assert namespace.versions()["serviceaccount"] == versions["serviceaccount"]
    namespace.apply({})
    until(lambda: template(namespace) == before, "the first pod template again")


@pytest.mark.parametrize(
    ("custom", "sentence"),
    [
        ({"batch.num.messages": "0"}, "spec.customConfig: librdkafka refuses the configuration: "),
        ({"linger.msec": "1"}, "spec.customConfig: linger.msec is refused: "),
        ({"allow.auto.create.topics": "true"}, "KAFKA_OTLP_OPERATOR_ALLOWED_PROPERTIES"),
    ],
    ids=["a value", "a name", "the platform's"],
)
def test_wrong_config_touches_nothing(
    operator: Operator, namespace: Namespace, custom: dict[str, str], sentence: str
) -> None:
    """A custom config that librdkafka or the platform refuses shows in the status, and the pods stay as they are."""
    namespace.apply({})
    applied(namespace)
    before = namespace.settle()
    namespace.apply({"lingerMs": 9, "customConfig": custom})
    until(lambda: namespace.condition("ConfigValid").get("status") == "False", "ConfigValid=False")
    valid, ready = namespace.condition("ConfigValid"), namespace.condition("Ready")
    assert valid["reason"] == ready["reason"] == "InvalidKafkaConfig"
    assert sentence in valid["message"]
    after = namespace.versions()
    assert {kind: after[kind] for kind in OWNED} == {kind: before[kind] for kind in OWNED}
    namespace.apply({"lingerMs": 9})
    until(lambda: namespace.condition("ConfigValid").get("status") == "True", "ConfigValid=True")
    assert environment(namespace)["KAFKA_EXPORTER_LINGER_MS"] == "9"


def test_drift_is_repaired(operator: Operator, namespace: Namespace) -> None:
    """The operator repairs its objects when somebody changes or deletes them."""
    namespace.apply({"lingerMs": 7})
    applied(namespace)
    namespace.settle()
    namespace.kubectl("set", "env", "deployment/edge", "KAFKA_EXPORTER_LINGER_MS=1")
    until(lambda: environment(namespace)["KAFKA_EXPORTER_LINGER_MS"] == "7", "repaired environment", 5)
    for kind in OWNED:
        namespace.kubectl("delete", kind, "edge")
        until(lambda kind=kind: namespace.exists(kind), f"{kind} again", 5)  # type: ignore[misc]


def test_restart_is_left_alone(operator: Operator, namespace: Namespace) -> None:
    """kubectl rollout restart does what it says, and the operator does not undo it."""
    namespace.apply({})
    applied(namespace)
    namespace.settle()
    namespace.kubectl("rollout", "restart", "deployment/edge")
    namespace.settle()
    assert "kubectl.kubernetes.io/restartedAt" in template(namespace)["metadata"]["annotations"]


def test_scale(operator: Operator, namespace: Namespace) -> None:
    """kubectl scale, and so an autoscaler, works on the resource itself."""
    namespace.apply({})
    applied(namespace)
    namespace.kubectl("scale", "koe/edge", "--replicas=4")
    until(lambda: namespace.get("deployment")["spec"]["replicas"] == 4, "4 replicas")
    until(lambda: namespace.get(RESOURCE)["status"]["replicas"] == 4, "4 replicas in the status")
    selector = namespace.get(RESOURCE)["status"]["selector"]
    assert len(namespace.kubectl("get", "pods", "-l", selector, "-o", "name").split()) == 4
    namespace.kubectl("scale", "koe/edge", "--replicas=0")
    until(lambda: namespace.condition("Ready").get("reason") == "ScaledToZero", "ScaledToZero")


def test_no_trace_of_kopf(operator: Operator, namespace: Namespace) -> None:
    """The resource carries no finalizer and no annotation but kubectl's own."""
    namespace.apply({})
    applied(namespace)
    namespace.settle()
    for kind in (RESOURCE, *OWNED):
        metadata = namespace.get(kind)["metadata"]
        assert "finalizers" not in metadata
        annotations = set(metadata.get("annotations", {}))
        assert annotations <= {"kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"}


def test_foreign_object(operator: Operator, namespace: Namespace) -> None:
    """An object of the same name that somebody else made is not taken over; the status says so."""
    namespace.kubectl("create", "deployment", "edge", "--image=other")
    before = namespace.get("deployment")["metadata"]["generation"]
    namespace.apply({})
    until(lambda: namespace.condition("Applied").get("reason") == "ApplyConflict", "ApplyConflict")
    assert "was not made by this operator" in namespace.condition("Ready")["message"]
    assert namespace.get("deployment")["metadata"]["generation"] == before
    assert not namespace.exists("serviceaccount")
    namespace.kubectl("delete", "deployment", "edge")
    until(lambda: namespace.condition("Applied").get("status") == "True", "Applied=True", 30)


def test_an_owner_that_is_taken_away_is_given_back(operator: Operator, namespace: Namespace) -> None:
    """Soon, although the object does not name its resource any more. Without an owner it would outlive the resource."""
    namespace.apply({"replicas": 0})
    applied(namespace)
    namespace.settle()
    patch = json.dumps([{"op": "remove", "path": "/metadata/ownerReferences"}])
    for kind in OWNED:
        namespace.kubectl("patch", kind, "edge", "--type=json", "-p", patch)
    for kind in OWNED:
        owned = lambda kind=kind: bool(namespace.get(kind)["metadata"].get("ownerReferences"))  # noqa: E731
        until(owned, f"owner of the {kind}", 5)


def test_prune(operator: Operator, namespace: Namespace) -> None:
    """The operator deletes an object that it made and that is no longer wanted. It does not delete an object of somebody else."""
    theirs: dict[str, Any] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "edge"},
    }
    theirs["spec"] = {"podSelector": {}}
    namespace.kubectl("create", "-f", "-", input=json.dumps(theirs))
    namespace.apply({})
    applied(namespace)
    service = namespace.get("service")["metadata"]
    left = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {key: service[key] for key in ("name", "labels", "ownerReferences")},
        "spec": {"maxUnavailable": 1},
    }
    namespace.kubectl("create", "-f", "-", input=json.dumps(left))
    until(lambda: not namespace.exists("poddisruptionbudget"), "end of the budget")
    assert namespace.exists("service")
    assert namespace.exists("networkpolicy")


def test_a_namespace_goes_with_its_resources(operator: Operator, namespace: Namespace) -> None:
    """Within half a minute, while the operator works in it. The operator does not crash when its writes are refused."""
    namespace.apply({"podDisruptionBudget": {}, "networkPolicy": {}})
    namespace.apply({}, "other")
    applied(namespace)
    namespace.api.kubectl("delete", "namespace", namespace.name, "--wait=false")
    gone = ("get", "namespace", namespace.name, "--ignore-not-found", "-o", "name")
    until(lambda: not namespace.api.kubectl(*gone), "end of the namespace", 30)
    assert 'result="crashed"' not in operator.get("/metrics")[1]


def test_quota(operator: Operator, namespace: Namespace) -> None:
    """When a quota forbids pods, the status says so in the quota's own words."""
    namespace.kubectl("create", "quota", "small", "--hard=pods=0")
    namespace.apply({})
    until(lambda: namespace.condition("Available").get("reason") == "ReplicaFailure", "ReplicaFailure")
    assert "exceeded quota: small" in namespace.condition("Ready")["message"]


def test_metrics(operator: Operator, namespace: Namespace) -> None:
    """The operator is alive, and counts what it does."""
    namespace.apply({})
    applied(namespace)
    assert operator.get("/livez") == (200, "ok\n")
    assert 'kafka_otlp_operator_reconciles_total{result="done"}' in operator.get("/metrics")[1]
    assert 'result="crashed"' not in operator.get("/metrics")[1]


def test_ends_without_the_operator(operator: Operator, namespace: Namespace) -> None:
    """When no operator runs, a resource can be deleted at once, and its objects are deleted after it."""
    namespace.apply({})
    applied(namespace)
    with operator.resting():
        namespace.kubectl("delete", "koe", "edge", "--timeout=5s")
        for kind in (*OWNED, "pods"):
            until(lambda kind=kind: not namespace.list(kind) or kind == "serviceaccount", f"end of {kind}")  # type: ignore[misc]
        until(lambda: not namespace.exists("serviceaccount"), "end of the service account")
        namespace.apply({}, "later")
    applied(namespace, "later")


def test_some_namespaces_only(operator: Operator, namespace: Namespace, tmp_path: Any) -> None:
    """With --namespace the operator works there and nowhere else."""
    other = Namespace(namespace.api)
    limited = Operator(namespace.api, tmp_path / "log", "--namespace", namespace.name)
    with operator.resting(), limited:
        other.apply({})
        namespace.apply({})
        applied(namespace)
        assert not other.exists("deployment")
        assert "status" not in other.get(RESOURCE)


def test_no_secret_is_told(operator: Operator, namespace: Namespace) -> None:
    """The values of a Secret are in no object that the operator makes, in no status and in no log line."""
    namespace.kubectl("apply", "-f", str(EXAMPLES["sasl-tls"]))
    applied(namespace, "secure")
    namespace.settle("secure")
    told = "".join(namespace.kubectl("get", kind, "-o", "yaml") for kind in (RESOURCE, *OWNED, "pods", "events"))
    assert "secure-kafka" in told
    assert "replace-me" not in told
    assert "replace-me" not in operator.log.read_text()
