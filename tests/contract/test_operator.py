"""The operator, a process of its own, at work on a real API server with a real Deployment controller."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.beds.kubernetes import KubectlError
from tests.contract.operator_bed import EXAMPLES, OWNED, RESOURCE, Namespace, Operator, applied, until

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
    """In a namespace that enforces Pod Security restricted, the pods of every example are made."""
    guarded = Namespace(api_server, {"pod-security.kubernetes.io/enforce": "restricted"})
    guarded.kubectl("apply", "-f", str(EXAMPLES[example]))
    until(lambda: len(guarded.list("pods")) > 0, "pod")


def test_status_is_true(operator: Operator, namespace: Namespace) -> None:
    """Ready turns true only when the pods are, and false again when the newest version is not there yet."""
    namespace.apply({"replicas": 2})
    until(lambda: len(namespace.list("pods")) == 2, "2 pods")
    until(lambda: namespace.condition("Ready").get("reason") == "PodsNotReady", "PodsNotReady")
    assert namespace.condition("Ready")["message"] == "0 of 2 pods are available."
    namespace.pods_ready()
    until(lambda: namespace.condition("Ready").get("status") == "True", "Ready=True")
    assert namespace.kubectl("get", "koe", "edge", "--no-headers").split()[:4] == ["edge", "True", "Available", "2"]
    turned = namespace.condition("Available")["lastTransitionTime"]
    namespace.apply({"replicas": 2, "lingerMs": 50})
    until(lambda: namespace.condition("Ready").get("reason") == "RollingOut", "RollingOut")
    assert namespace.condition("Available")["status"] == "True"
    assert namespace.condition("Available")["lastTransitionTime"] == turned


def waits(reason: str, message: str, **more: Any) -> dict[str, Any]:
    """A pod's status whose container waits."""
    container = {
        "name": "exporter",
        "image": "exporter:1",
        "imageID": "",
        "ready": False,
        "restartCount": 1,
        "state": {"waiting": {"reason": reason, "message": message}},
        **more,
    }
    return {"phase": "Pending", "containerStatuses": [container]}


def test_pods_say_why(operator: Operator, namespace: Namespace) -> None:
    """What keeps the pods is in the status in words that a person can act on, without any event of the Deployment."""
    namespace.apply({})
    until(lambda: len(namespace.list("pods")) == 1, "1 pod")
    until(lambda: namespace.condition("Available").get("reason") == "PodsNotReady", "PodsNotReady")
    namespace.pods_are(waits("ErrImagePull", "exporter:1: not found"))
    until(lambda: namespace.condition("Available").get("reason") == "ImagePullFailed", "ImagePullFailed")
    assert namespace.condition("Ready")["message"].endswith(" cannot pull exporter:1: exporter:1: not found.")


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (
            {
                "phase": "Pending",
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/1 nodes are available: 1 Insufficient cpu.",
                    }
                ],
            },
            "Unschedulable",
            "0/1 nodes are available: 1 Insufficient cpu.",
        ),
        (
            waits(
                "CrashLoopBackOff",
                "back-off",
                lastState={"terminated": {"exitCode": 2, "reason": "Error", "message": "--kafka-exporter-acks: two."}},
            ),
            "CrashLooping",
            "the exporter ended with exit code 2, saying: --kafka-exporter-acks: two.",
        ),
        (
            waits("CreateContainerConfigError", 'configmap "x" not found'),
            "CreateContainerConfigError",
            'cannot start: configmap "x" not found.',
        ),
        (
            waits("ContainerCreating", ""),
            "PodsStarting",
            "starts only when all of these are there: Secret secure-kafka with ",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_each_reason_of_pods(
    status: dict[str, Any], reason: str, message: str, operator: Operator, namespace: Namespace
) -> None:
    """The states of a pod, as kubelet and scheduler write them, through a real API server into the status."""
    namespace.kubectl("apply", "-f", str(EXAMPLES["sasl-tls"]))
    until(lambda: len(namespace.list("pods")) > 0, "a pod")
    namespace.pods_are(status)
    until(lambda: namespace.condition("Available", "secure").get("reason") == reason, reason)
    assert message in namespace.condition("Ready", "secure")["message"]


def test_an_error_in_other_words_each_time(operator: Operator, namespace: Namespace) -> None:
    """A refusal that names each request anew is tried again less and less often, and not for the status written for it."""
    label = {"metadata": {"labels": {"guarded": namespace.name}}}
    namespace.kubectl("patch", "namespace", namespace.name, "--type=merge", "-p", json.dumps(label))
    policy: dict[str, Any] = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": namespace.name},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["deployments"],
                    }
                ]
            },
            "validations": [
                {"expression": "false", "messageExpression": "'not allowed, request ' + string(object.metadata.uid)"}
            ],
        },
    }
    binding = {
        **policy,
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {
            "policyName": namespace.name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": label["metadata"]["labels"]}},
        },
    }
    namespace.api.kubectl("create", "-f", "-", input=json.dumps(policy) + json.dumps(binding))
    probe = ["create", "deployment", "probe", "--image=x", "--dry-run=server"]
    try:

        def guarded() -> bool:
            try:
                namespace.kubectl(*probe)
            except KubectlError as refused:
                return "not allowed, request" in str(refused)
            return False

        until(guarded, "the policy at work")
        namespace.apply({})
        until(lambda: "not allowed, request " in namespace.condition("Applied").get("message", ""), "the refusal")
        first = namespace.condition("Applied")["message"]
        written = operator.log.read_text().count(f'"namespace": "{namespace.name}"')
        time.sleep(5)
        assert namespace.condition("Applied")["message"] != first
        assert operator.log.read_text().count(f'"namespace": "{namespace.name}"') - written <= 5
    finally:
        namespace.api.kubectl("delete", "-f", "-", input=json.dumps(policy) + json.dumps(binding))
    namespace.apply({"lingerMs": 8})
    until(lambda: namespace.condition("Applied").get("status") == "True", "Applied=True", 10)


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
    """A change of an option changes the pod template alone, a change of replicas or of the Service leaves it alone."""
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


def test_wrong_config_touches_nothing(operator: Operator, namespace: Namespace) -> None:
    """A custom config that librdkafka refuses shows in the status, in its own words, and leaves the pods alone."""
    namespace.apply({})
    applied(namespace)
    before = namespace.settle()
    namespace.apply({"lingerMs": 9, "customConfig": {"no.such.property": "1"}})
    until(lambda: namespace.condition("ConfigValid").get("status") == "False", "ConfigValid=False")
    valid, ready = namespace.condition("ConfigValid"), namespace.condition("Ready")
    assert valid["reason"] == ready["reason"] == "InvalidKafkaConfig"
    assert 'No such configuration property: "no.such.property"' in valid["message"]
    assert valid["message"].startswith("spec.customConfig: ")
    after = namespace.versions()
    assert {kind: after[kind] for kind in OWNED} == {kind: before[kind] for kind in OWNED}
    namespace.apply({"lingerMs": 9})
    until(lambda: namespace.condition("ConfigValid").get("status") == "True", "ConfigValid=True")
    assert environment(namespace)["KAFKA_EXPORTER_LINGER_MS"] == "9"


def test_contradiction(operator: Operator, namespace: Namespace) -> None:
    """What no rule of the API server expresses is refused in the status with a sentence, and nothing is made."""
    namespace.apply({"retries": 0, "customConfig": {"enable.idempotence": "true"}})
    until(lambda: namespace.condition("ConfigValid").get("status") == "False", "ConfigValid=False")
    assert "spec.retries: 0 contradicts enable.idempotence=true" in namespace.condition("Ready")["message"]
    assert not namespace.exists("deployment")


def test_drift_is_repaired(operator: Operator, namespace: Namespace) -> None:
    """What somebody changes or deletes of the operator's objects comes back."""
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


def test_prune(operator: Operator, namespace: Namespace) -> None:
    """An object that the operator made and no longer wants is deleted, its neighbours' are not."""
    namespace.apply({})
    applied(namespace)
    service = namespace.get("service")
    left = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "edge-old",
            **{key: service["metadata"][key] for key in ("labels", "ownerReferences")},
        },
        "spec": {"ports": [{"port": 80}]},
    }
    namespace.kubectl("create", "-f", "-", input=json.dumps(left))
    until(lambda: not namespace.exists("service", "edge-old"), "deletion of edge-old")
    assert namespace.exists("service")


def test_quota(operator: Operator, namespace: Namespace) -> None:
    """Pods that a quota forbids are told of in the status, with the quota's own words."""
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
    """With no operator running a resource goes away at once, and everything made for it follows."""
    namespace.apply({})
    applied(namespace)
    assert operator.stop() == 0
    try:
        namespace.kubectl("delete", "koe", "edge", "--timeout=5s")
        for kind in (*OWNED, "pods"):
            until(lambda kind=kind: not namespace.list(kind) or kind == "serviceaccount", f"end of {kind}")  # type: ignore[misc]
        until(lambda: not namespace.exists("serviceaccount"), "end of the service account")
        namespace.apply({}, "later")
    finally:
        operator.start()
    applied(namespace, "later")


def test_some_namespaces_only(operator: Operator, namespace: Namespace, tmp_path: Any) -> None:
    """With --namespace the operator works there and nowhere else."""
    operator.stop()
    other = Namespace(namespace.api)
    limited = Operator(namespace.api, tmp_path / "log", "--namespace", namespace.name)
    try:
        limited.start()
        other.apply({})
        namespace.apply({})
        applied(namespace)
        assert not other.exists("deployment")
        assert "status" not in other.get(RESOURCE)
    finally:
        limited.stop()
        operator.start()


def test_rejected_object(operator: Operator, namespace: Namespace) -> None:
    """What the API server finds wrong with an object is in the status, in its own words; a repair needs nothing else."""
    namespace.apply({"podTemplate": {"tolerations": [{"key": "a", "operator": "Perhaps"}]}})
    until(lambda: namespace.condition("Applied").get("reason") == "ApplyRejected", "ApplyRejected")
    assert 'Unsupported value: "Perhaps"' in namespace.condition("Ready")["message"]
    namespace.apply({})
    until(lambda: namespace.condition("Applied").get("status") == "True", "Applied=True")
    assert namespace.exists("deployment")


def test_no_secret_is_told(operator: Operator, namespace: Namespace) -> None:
    """What stands in a Secret is in no object that the operator makes, in no status and in no log line."""
    namespace.kubectl("apply", "-f", str(EXAMPLES["sasl-tls"]))
    applied(namespace, "secure")
    namespace.settle("secure")
    told = "".join(namespace.kubectl("get", kind, "-o", "yaml") for kind in (RESOURCE, *OWNED, "pods", "events"))
    assert "secure-kafka" in told
    assert "replace-me" not in told
    assert "replace-me" not in operator.log.read_text()
