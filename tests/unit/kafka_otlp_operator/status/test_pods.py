"""Why pods are not ready."""

from typing import Any

import pytest

from kafka_otlp_operator.objects.manifests import desired
from kafka_otlp_operator.status.pods import Report, obstacle
from tests.unit.kafka_otlp_operator.resources import SECURE, resource

NOT_READY = {"type": "Ready", "status": "False"}


def pod(
    state: Any = None, *, name: str = "edge-1", created: str = "1", conditions: Any = (NOT_READY,), **more: Any
) -> Any:
    """A pod of the exporter; ``state`` is its container's."""
    container = {"name": "exporter", "image": "exporter:1", "state": state or {}, **more.pop("container", {})}
    return {
        "metadata": {"name": name, "namespace": "telemetry", "creationTimestamp": created, **more.pop("metadata", {})},
        "spec": desired(resource(**SECURE), "exporter:1").deployment["spec"]["template"]["spec"],
        "status": {"conditions": list(conditions), **({"containerStatuses": [container]} if state else {}), **more},
    }


def waiting(reason: str, message: str | None = None) -> Any:
    """The state of a waiting container."""
    return {"waiting": {"reason": reason} | ({"message": message} if message else {})}


@pytest.mark.parametrize(
    ("found", "reason", "message"),
    [
        (
            pod(waiting("ImagePullBackOff", 'Back-off pulling image "exporter:1"')),
            "ImagePullFailed",
            'Pod edge-1 cannot pull exporter:1: Back-off pulling image "exporter:1".',
        ),
        (pod(waiting("ErrImageNeverPull")), "ImagePullFailed", "Pod edge-1 cannot pull exporter:1: ErrImageNeverPull."),
        (
            pod(waiting("CreateContainerConfigError", 'secret "a" not found')),
            "CreateContainerConfigError",
            'Pod edge-1 cannot start: secret "a" not found.',
        ),
        (pod(waiting("not one word")), "PodsNotReady", "Pod edge-1 cannot start: not one word."),
        (
            pod(
                waiting("CrashLoopBackOff", "back-off 10s restarting failed container"),
                container={
                    "lastState": {"terminated": {"exitCode": 2, "reason": "Error", "message": "acks: wrong.\n"}}
                },
            ),
            "CrashLooping",
            "Pod edge-1 restarts again and again: the exporter ended with exit code 2, saying: acks: wrong.",
        ),
        (
            pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
            "CrashLooping",
            "Pod edge-1 restarts again and again: the exporter ended with exit code 137 (OOMKilled).",
        ),
        (
            pod(waiting("CrashLoopBackOff")),
            "CrashLooping",
            "Pod edge-1 restarts again and again: the exporter ended with exit code unknown.",
        ),
        (
            pod(
                conditions=[
                    NOT_READY,
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available: 3 Insufficient memory.",
                    },
                ]
            ),
            "Unschedulable",
            "The scheduler found no node for pod edge-1: 0/3 nodes are available: 3 Insufficient memory.",
        ),
        (
            pod(waiting("ContainerCreating")),
            "PodsStarting",
            "Pod edge-1 is starting.",
        ),
        (
            pod({"running": {"startedAt": "now"}}),
            "PodsNotReady",
            "The pods that run are not ready: Kafka has not answered them yet; see GET /status on port 9464 of pod "
            "edge-1, or its log.",
        ),
    ],
)
def test_what_keeps_a_pod(found, reason, message):
    """Each state has one reason, and a sentence that says where to look."""
    told = obstacle([found], {})
    assert told is not None
    assert (told.reason, told.message) == (reason, message)


def waits_for(*files: str, **spec: Any) -> str:
    """The sentence about a pod of this spec whose exporter waits for these files."""
    found = pod({"running": {"startedAt": "now"}})
    found["spec"] = desired(resource(**spec), "exporter:1").deployment["spec"]["template"]["spec"]
    told = obstacle([found], {"edge-1": Report("FilesMissing", "waits for files.", files)})
    assert told is not None
    assert (told.reason, told.passing, told.kafka) == ("SecretKeyMissing", False, False)
    return told.message


def test_files_that_an_exporter_waits_for_are_keys_of_secrets():
    """The pod's own volumes tell the Secret and the key of each file."""
    folder = "/etc/kafka-otlp/credentials"
    tls = {"caConfigMapRef": {"name": "ca", "key": "bundle"}, "clientCertSecretRef": {"name": "client"}}
    message = waits_for(f"{folder}/ca.crt", f"{folder}/tls.crt", securityProtocol="SSL", tls=tls)
    assert message == (
        'Pod edge-1 waits for key "bundle" of ConfigMap "ca", key "tls.crt" of Secret "client" in namespace telemetry: '
        "create what is missing; the pod reads it within two minutes, without a restart."
    )


def test_what_serves_clients_is_waited_for_too():
    """A Secret of both protocols is named once; a file of no volume is named by its path."""
    otlp = {way: {"tlsSecretRef": {"name": "server"}} for way in ("grpc", "http")}
    folder = "/etc/kafka-otlp/otlp"
    message = waits_for(f"{folder}/otlp_grpc/tls.key", f"{folder}/otlp_http/tls.key", "/odd", otlp=otlp)
    assert 'waits for key "tls.key" of Secret "server", file /odd in namespace' in message


@pytest.mark.parametrize(
    "found",
    [
        pod(),
        pod({"running": {}}, conditions=[{"type": "Ready", "status": "True"}]),
        pod(waiting("CrashLoopBackOff"), phase="Failed"),
        pod(waiting("CrashLoopBackOff"), metadata={"deletionTimestamp": "now"}),
        pod(
            waiting("CrashLoopBackOff"),
            conditions=[{"type": "Ready", "status": "True"}],
        ),
    ],
)
def test_pods_that_tell_nothing(found):
    """A pod without a status, a ready pod and a pod that is over are no obstacle."""
    assert obstacle([found], {}) is None
    assert obstacle([], {}) is None


def test_the_newest_pod_is_told_of_first():
    """The newest broken pod counts, because it has the newest version; a broken pod comes before one that starts."""
    old = pod(waiting("ErrImagePull"), name="old", created="2026-01-01T00:00:00Z")
    new = pod(waiting("CrashLoopBackOff"), name="new", created="2026-01-02T00:00:00Z")
    starting = pod(waiting("ContainerCreating"), name="starting", created="2026-01-03T00:00:00Z")
    assert "Pod new " in str(obstacle([old, new, starting], {}))
    assert "Pod starting " in str(obstacle([starting], {}))


def test_containers_of_others():
    """A container that somebody added comes after the exporter's, and is named."""
    found = pod({"running": {"startedAt": "now"}})
    proxy = {"name": "proxy", "state": {"terminated": {"exitCode": 1}}}
    found["status"]["containerStatuses"].insert(0, proxy)
    found["status"]["initContainerStatuses"] = [{"name": "setup", "state": {"terminated": {"exitCode": 0}}}]
    assert "container proxy ended with exit code 1." in str(obstacle([found], {}))


def test_a_long_message_keeps_its_end():
    """Of long output the end is kept, because the last words name the cause."""
    ended = {"terminated": {"exitCode": 1, "message": "noise\n" * 500 + "the reason"}}
    told = obstacle([pod(ended)], {})
    assert told is not None
    assert told.message.endswith("the reason.")
    assert len(told.message) < 800


def test_what_the_exporter_says_goes_before_what_one_guesses():
    """The exporter's words are the condition's; a connection that is still being made is no obstacle."""
    found = pod({"running": {"startedAt": "now"}})
    report = Report("AuthenticationFailed", 'Kafka at kafka:9093 refused user "edge".')
    told = obstacle([found], {"edge-1": report})
    assert told == ("AuthenticationFailed", 'Kafka at kafka:9093 refused user "edge".', False, True)
    told = obstacle([found], {"edge-1": Report("Connecting", "no broker has answered yet.")})
    assert told is not None
    assert told.reason == "PodsNotReady"
