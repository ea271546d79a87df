"""The status of a resource, written by a real operator on a real API server."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.beds.kubernetes import KubectlError
from tests.contract.operator_bed import Namespace, Operator, until
from tests.examples import EXAMPLES

pytestmark = pytest.mark.kubernetes


def test_status_is_true(operator: Operator, namespace: Namespace) -> None:
    """Ready is true only when the pods are ready, and false again while a newer version rolls out."""
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
    """The status says why pods are not ready, in words that a person can act on, without any event of the Deployment."""
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
            "is starting.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_each_reason_of_pods(
    status: dict[str, Any], reason: str, message: str, operator: Operator, namespace: Namespace
) -> None:
    """Each state of a pod that kubelet and scheduler write becomes its reason and message in the status."""
    namespace.kubectl("apply", "-f", str(EXAMPLES["sasl-tls"]))
    until(lambda: len(namespace.list("pods")) > 0, "a pod")
    namespace.pods_are(status)
    until(lambda: namespace.condition("Available", "secure").get("reason") == reason, reason)
    assert message in namespace.condition("Ready", "secure")["message"]


def test_an_error_in_other_words_each_time(operator: Operator, namespace: Namespace) -> None:
    """A refusal with a new message each time is tried again less and less often; the operator's own status writes do not cause a try."""
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


def test_contradiction(operator: Operator, namespace: Namespace) -> None:
    """A contradiction that no rule of the API server can express is refused in the status, and no object is made."""
    namespace.apply({"retries": 0, "customConfig": {"enable.idempotence": "true"}})
    until(lambda: namespace.condition("ConfigValid").get("status") == "False", "ConfigValid=False")
    assert "spec.retries: 0 contradicts enable.idempotence=true" in namespace.condition("Ready")["message"]
    assert not namespace.exists("deployment")


def test_rejected_object(operator: Operator, namespace: Namespace) -> None:
    """The status has the API server's own words about an object that it rejects; a corrected resource is applied at once."""
    namespace.apply({"podTemplate": {"tolerations": [{"key": "a", "operator": "Perhaps"}]}})
    until(lambda: namespace.condition("Applied").get("reason") == "ApplyRejected", "ApplyRejected")
    assert 'Unsupported value: "Perhaps"' in namespace.condition("Ready")["message"]
    namespace.apply({})
    until(lambda: namespace.condition("Applied").get("status") == "True", "Applied=True")
    assert namespace.exists("deployment")
