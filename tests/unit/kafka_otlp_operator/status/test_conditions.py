"""The status of a resource."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kafka_otlp_operator.resource.reading import read
from kafka_otlp_operator.status.conditions import APPLIED, VALID, Finding, Findings, differs, settled, summarize
from kafka_otlp_operator.status.conditions import ready as ready_condition
from kafka_otlp_operator.status.pods import Report
from tests.unit.kafka_otlp_operator.resources import SECURE, raw, resource

THEN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def deployment(wanted: int = 2, *, observed: bool = True, conditions: Any = (), **counts: int) -> Any:
    """A Deployment as the API server stores it."""
    full = {"replicas": wanted, "updatedReplicas": wanted, "availableReplicas": wanted, "readyReplicas": wanted}
    return {
        "metadata": {"generation": 3},
        "spec": {"replicas": wanted},
        "status": {
            "observedGeneration": 3 if observed else 2,
            **full,
            **counts,
            "conditions": conditions or [{"type": "Available", "status": "True"}],
        },
    }


def of(
    found: Any,
    before: Any = None,
    generation: int = 1,
    config: Any = VALID,
    applied: Any = APPLIED,
    now: datetime = NOW,
) -> Any:
    """The conditions, by type."""
    summary = summarize(resource(generation), before or {}, Findings(config, applied, found), now)
    return {condition["type"]: condition for condition in summary["conditions"]}


def test_ready():
    """Ready is true when every pod is of the newest version and available."""
    conditions = of(deployment())
    statuses = {kind: condition["status"] for kind, condition in conditions.items()}
    assert statuses == {**dict.fromkeys(conditions, "True"), "Paused": "False"}
    assert conditions["Ready"]["message"] == "2 of 2 pods are available."
    assert conditions["Ready"]["reason"] == "Available"


@pytest.mark.parametrize(
    ("found", "reason", "message"),
    [
        (None, "DeploymentNotObserved", "Kubernetes has not observed the Deployment yet."),
        (deployment(observed=False), "RollingOut", "0 of 2 pods run the newest version."),
        (deployment(updatedReplicas=1), "RollingOut", "1 of 2 pods run the newest version."),
        (deployment(replicas=3), "RollingOut", "2 of 2 pods run the newest version."),
        (
            deployment(1, availableReplicas=0, conditions=[{"type": "Available", "status": "False"}]),
            "PodsNotReady",
            "0 of 1 pod is available.",
        ),
        (
            deployment(
                availableReplicas=0,
                conditions=[{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: q"}],
            ),
            "ReplicaFailure",
            "0 of 2 pods are available. Kubernetes cannot create pods: exceeded quota: q",
        ),
        (
            deployment(
                availableReplicas=0,
                conditions=[
                    {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late."}
                ],
            ),
            "ProgressDeadlineExceeded",
            "0 of 2 pods are available. late.",
        ),
        (
            deployment(
                updatedReplicas=1,
                conditions=[
                    {"type": "Available", "status": "True"},
                    {
                        "type": "Progressing",
                        "status": "False",
                        "reason": "ProgressDeadlineExceeded",
                        "message": "late.",
                    },
                ],
            ),
            "ProgressDeadlineExceeded",
            "late.",
        ),
    ],
)
def test_not_ready(found, reason, message):
    """Ready is false as long as anything is missing, and its message says what."""
    ready = of(found)["Ready"]
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", reason, message)


CRASHED = {
    "metadata": {"name": "edge-1"},
    "spec": {},
    "status": {"containerStatuses": [{"name": "exporter", "state": {"terminated": {"exitCode": 2, "message": "no."}}}]},
}
RUNNING = {
    "metadata": {"name": "edge-2"},
    "spec": {},
    "status": {"containerStatuses": [{"name": "exporter", "state": {"running": {"startedAt": "now"}}}]},
}
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late."}


@pytest.mark.parametrize(
    ("found", "pod", "reason", "message"),
    [
        (
            deployment(availableReplicas=0, conditions=[LATE]),
            CRASHED,
            "CrashLooping",
            "0 of 2 pods are available. Pod edge-1 restarts again and again: the exporter ended with exit code 2, saying: no.",
        ),
        (
            deployment(1, availableReplicas=0, conditions=[LATE]),
            RUNNING,
            "PodsNotReady",
            "0 of 1 pod is available. The pods that run are not ready: Kafka has not answered them yet; see GET /status",
        ),
        (
            deployment(updatedReplicas=1),
            CRASHED,
            "CrashLooping",
            "1 of 2 pods run the newest version. Pod edge-1 restarts again and again: ",
        ),
        (
            deployment(updatedReplicas=1),
            RUNNING,
            "RollingOut",
            "1 of 2 pods run the newest version. The pods that run are not ready: Kafka has not answered",
        ),
    ],
)
def test_the_pods_say_why(found, pod, reason, message):
    """A cause that pods show is in the status, instead of the Deployment's "late"."""
    summary = summarize(resource(), {}, Findings(VALID, APPLIED, found, (pod,)), NOW)
    ready = ready_condition(summary)
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert ready["message"].startswith(message)


@pytest.mark.parametrize("mistake", [{}, {"lingerMS": 1}])
def test_refused_credentials_lead_to_their_secret(mistake):
    """The exporter knows files; the resource knows the Secret and its key, and the condition names them.

    Also where the resource was changed since into one that is invalid: its pods are still the earlier ones.
    """
    report = Report(
        "AuthenticationFailed",
        'Kafka at kafka:9093 refused user "edge" (SCRAM-SHA-512): check the user name, the password and the mechanism.',
    )
    found = deployment(1, availableReplicas=0, conditions=[LATE])
    findings = Findings(VALID, APPLIED, found, (RUNNING,), {"edge-2": report})
    conditions = {one["type"]: one for one in summarize(read(raw(SECURE | mistake)), {}, findings, NOW)["conditions"]}
    sentence = 'Kafka at kafka:9093 refused user "edge" (SCRAM-SHA-512): check key "password" of Secret "edge-kafka".'
    assert conditions["KafkaReachable"]["message"] == sentence
    assert conditions["Ready"]["reason"] == "AuthenticationFailed"
    assert conditions["Ready"]["message"].endswith(sentence)


def test_a_refused_client_certificate_leads_to_its_secret():
    """The exporter knows tls.crt; the resource knows the Secret that it is in."""
    said = (
        "Kafka at kafka:9093 refused the client certificate, or was sent none: check that the broker trusts its issuer."
    )
    spec = {"securityProtocol": "SSL", "tls": {"clientCertSecretRef": {"name": "edge-tls"}}}
    found = deployment(1, availableReplicas=0, conditions=[LATE])
    findings = Findings(VALID, APPLIED, found, (RUNNING,), {"edge-2": Report("ClientCertificateRefused", said)})
    conditions = {one["type"]: one for one in summarize(read(raw(spec)), {}, findings, NOW)["conditions"]}
    assert conditions["KafkaReachable"]["message"] == (
        'Kafka at kafka:9093 refused the client certificate, or was sent none: check key "tls.crt" of Secret "edge-tls".'
    )


def test_reachable_when_pods_are_available():
    """A pod is ready only after Kafka has answered it; before that, the condition is Unknown."""
    assert of(deployment())["KafkaReachable"]["status"] == "True"
    assert of(None)["KafkaReachable"]["status"] == "Unknown"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, True),
        ({"metadata": {"generation": 1}, "spec": {}}, True),
        (deployment(), True),
        (deployment(0), True),
        (deployment(observed=False), False),
        (deployment(availableReplicas=1), False),
        (deployment(replicas=3), False),
    ],
)
def test_settled(found, expected):
    """A Deployment is settled when all its pods are there, or when Kubernetes has not observed it yet."""
    assert settled(found) == expected


def test_scaled_to_zero():
    """A resource that asks for 0 pods is ready without pods."""
    ready = of(deployment(0))["Ready"]
    assert (ready["status"], ready["reason"]) == ("True", "ScaledToZero")


def test_the_first_step_that_failed_is_the_reason():
    """An invalid configuration comes before pods that are not ready."""
    wrong = Finding("False", "InvalidKafkaConfig", "spec.acks: ...")
    conditions = of(
        deployment(availableReplicas=0, conditions=[{"type": "x", "status": "x"}]), config=wrong, applied=None
    )
    assert (conditions["Ready"]["reason"], conditions["Ready"]["message"]) == ("InvalidKafkaConfig", "spec.acks: ...")
    assert conditions["Applied"]["reason"] == "NotApplied"


def test_what_was_found_earlier_still_holds():
    """A step that was not reached keeps its condition, with its earlier generation."""
    before = summarize(resource(), {}, Findings(VALID, APPLIED, deployment()), THEN)
    wrong = Finding("False", "InvalidKafkaConfig", "wrong.")
    conditions = of(deployment(), before, generation=2, config=wrong, applied=None)
    assert (conditions["Applied"]["status"], conditions["Applied"]["observedGeneration"]) == ("True", 1)
    assert (conditions["Ready"]["status"], conditions["Ready"]["observedGeneration"]) == ("False", 2)


def test_paused_conditions_are_about_what_runs():
    """While paused, the pods are those of the last applied generation, and their conditions have that generation."""
    before = summarize(resource(3), {}, Findings(VALID, APPLIED, deployment()), THEN)
    findings = Findings(VALID, None, deployment())
    summary = summarize(resource(5, paused=True), before, findings, NOW)
    about = {one["type"]: (one["status"], one["observedGeneration"]) for one in summary["conditions"]}
    assert about == {
        "Ready": ("True", 3),
        "ConfigValid": ("True", 5),
        "Applied": ("True", 3),
        "Available": ("True", 3),
        "KafkaReachable": ("True", 3),
        "Paused": ("True", 5),
    }
    assert summary["observedGeneration"] == 5
    assert ready_condition(summary)["message"] == (
        "2 of 2 pods are available. The resource is paused: its changes are not applied."
    )


def test_paused_and_wrong():
    """An invalid newest generation is reported, whether the resource is paused or not."""
    before = summarize(resource(3), {}, Findings(VALID, APPLIED, deployment()), THEN)
    wrong = Findings(Finding("False", "RenderFailed", "wrong."), None, deployment())
    ready = ready_condition(summarize(resource(5, paused=True), before, wrong, NOW))
    assert (ready["status"], ready["observedGeneration"], ready["message"]) == ("False", 5, "wrong.")


@pytest.mark.parametrize(
    ("otlp", "port"),
    [
        ({}, 4317),
        ({"grpc": {"port": 5317}}, 5317),
        ({"grpc": {"enabled": False}}, 4318),
        ({"grpc": {"enabled": False}, "http": {"port": 5318}}, 5318),
        ({"grpc": {"enabled": False}, "http": {"enabled": False}}, 4317),
    ],
)
def test_the_endpoint_is_where_otlp_is_taken(otlp, port):
    """The port of gRPC, or that of HTTP where gRPC is off; an invalid resource that has both off has an endpoint, too."""
    summary = summarize(read(raw({"otlp": otlp})), {}, Findings(VALID, APPLIED, None), NOW)
    assert summary["endpoint"] == f"edge.telemetry.svc:{port}"


def test_time_moves_only_with_the_status():
    """lastTransitionTime stays when only reason or message change, and moves when the status flips."""
    before = summarize(resource(), {}, Findings(VALID, APPLIED, deployment(updatedReplicas=1)), THEN)
    conditions = of(deployment(), before)
    assert conditions["Available"]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert conditions["Ready"]["lastTransitionTime"] == "2026-01-02T00:00:00Z"


def test_time_alone_is_no_difference():
    """The same findings at another time give the same status, so that nothing is written."""
    findings = Findings(VALID, APPLIED, deployment())
    before = summarize(resource(), {}, findings, THEN)
    assert differs({}, before)
    assert not differs(before, summarize(resource(), before, findings, NOW))


def test_conditions_of_others_are_left_alone():
    """A condition of another writer is no difference, and the operator does not write it."""
    findings = Findings(VALID, APPLIED, deployment())
    before = dict(summarize(resource(), {}, findings, THEN))
    before["conditions"] = [*before["conditions"], {"type": "Theirs", "status": "True"}]
    summary = summarize(resource(), before, findings, NOW)
    assert not differs(before, summary)
    assert "Theirs" not in {condition["type"] for condition in summary["conditions"]}


def test_fields():
    """The fields that the scale subresource and kubectl read."""
    summary = summarize(resource(4), {}, Findings(VALID, APPLIED, deployment(readyReplicas=1)), NOW)
    assert {key: summary[key] for key in summary if key != "conditions"} == {
        "observedGeneration": 4,
        "replicas": 2,
        "readyReplicas": 1,
        "selector": "app.kubernetes.io/instance=edge,app.kubernetes.io/name=kafka-otlp-exporter",
        "endpoint": "edge.telemetry.svc:4317",
    }
