"""The status of a resource: ``summarize`` is the only place that makes conditions. Pure.

``Ready`` is true only when all pods of the newest version are available. Each other condition tells the outcome of one
step on the way. Conditions follow
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from kafka_otlp_operator import names
from kafka_otlp_operator.resource.fields import Workload
from kafka_otlp_operator.resource.parts import ConfigMapKeyRef, SecretKeyRef
from kafka_otlp_operator.resource.reading import Reading
from kafka_otlp_operator.status.pods import Obstacle, Pod, Report, obstacle

Truth = Literal["True", "False", "Unknown"]
Status = Mapping[str, Any]

_TYPES = ("Ready", "ConfigValid", "Applied", "Available", "KafkaReachable", "Paused")

_OF_PODS = frozenset({"Ready", "Available", "KafkaReachable"})


@dataclass(frozen=True)
class Finding:
    """The outcome of one step: a condition without its times. ``message`` is a sentence for a person."""

    status: Truth
    reason: str
    message: str


@dataclass(frozen=True)
class Findings:
    """The outcome of all steps. None means that the step was not reached, so its earlier condition still holds.

    ``deployment`` is the Deployment as the API server stores it, None when there is none. ``pods`` are its pods when it
    is not ``settled``: they may show the cause. ``reports`` are the exporters' reports about Kafka, by pod name.
    """

    config: Finding | None
    applied: Finding | None
    deployment: Mapping[str, Any] | None
    pods: Sequence[Pod] = ()
    reports: Mapping[str, Report] = field(default_factory=dict)


VALID = Finding("True", "Valid", "librdkafka accepts the configuration.")
APPLIED = Finding("True", "Applied", "Every object is as the resource wants it.")
PAUSED = Finding(
    "True", "Paused", "The operator changes nothing until spec.paused is removed or false; only the status is updated."
)
_NOT_PAUSED = Finding("False", "NotPaused", "The operator applies every change of the resource.")
_NOT_APPLIED = Finding("Unknown", "NotApplied", "Nothing has been applied yet.")
_NOT_OBSERVED = Finding("Unknown", "DeploymentNotObserved", "Kubernetes has not observed the Deployment yet.")


def applied(unserved: Sequence[Mapping[str, Any]]) -> Finding:
    """The condition after every object was applied, except ``unserved``, whose kinds the API server does not serve."""
    if not unserved:
        return APPLIED
    kinds = " and ".join(f"{manifest['kind']} ({manifest['apiVersion']})" for manifest in unserved)
    return Finding(
        "True",
        "AppliedWhatIsServed",
        f"Every object is as the resource wants it, except {kinds}: the API server does not serve that kind. The "
        "operator makes the object within minutes after the kind is installed.",
    )


def summarize(resource: Reading, before: Status, findings: Findings, now: datetime) -> Status:
    """The new status of ``resource``; ``before`` is its present one, empty when there is none.

    ``now`` becomes the ``lastTransitionTime`` of those conditions whose status changes.
    """
    deployed = (findings.deployment or {}).get("status") or {}
    port = next((served.port for served in resource.workload.otlp.served), names.OTLP_GRPC_PORT)
    return {
        "observedGeneration": resource.generation,
        "replicas": int(deployed.get("replicas", 0)),
        "readyReplicas": int(deployed.get("readyReplicas", 0)),
        "selector": names.selector_text(resource.name),
        "endpoint": names.endpoint(resource.name, resource.namespace, port),
        "conditions": _conditions(resource, _by_type(before), findings, now),
    }


def _conditions(
    resource: Reading, before: Mapping[str, Mapping[str, Any]], findings: Findings, now: datetime
) -> list[Mapping[str, Any]]:
    """One condition of each type. The condition of a step that was not reached stays as it was."""
    paused, generation = resource.workload.paused, resource.generation
    # While the resource is paused, its pods are those of an earlier generation, and their conditions must say so.
    held = paused and findings.config is not None and findings.config.status == "True"
    about = int(before.get("Applied", {}).get("observedGeneration", generation)) if held else generation
    found = _steps(resource.workload, before, findings, held=held)
    return [
        _condition(kind, finding, about if kind in _OF_PODS else generation, before.get(kind), now)
        if (finding := found[kind])
        else before[kind]
        for kind in _TYPES
        if found[kind] or kind in before
    ]


def _steps(
    workload: Workload, before: Mapping[str, Mapping[str, Any]], findings: Findings, *, held: bool
) -> Mapping[str, Finding | None]:
    """The outcome of each step, by the type of its condition."""
    why = _to_its_secret(obstacle(findings.pods, findings.reports), workload)
    available = _available(findings.deployment, why)
    ready = _ready(findings, before, available, why)
    if held:
        ready = replace(ready, message=f"{ready.message} The resource is paused: its changes are not applied.")
    return {
        "Ready": ready,
        "ConfigValid": findings.config,
        "Applied": findings.applied or (None if "Applied" in before else _NOT_APPLIED),
        "Available": available,
        "KafkaReachable": _reachable(available, why),
        "Paused": PAUSED if workload.paused else _NOT_PAUSED,
    }


def settled(deployment: Mapping[str, Any] | None) -> bool:
    """Whether all pods of a Deployment run its newest version, or Kubernetes has not observed the Deployment yet."""
    if deployment is None or "observedGeneration" not in (deployment.get("status") or {}):
        return True
    wanted = _wanted(deployment)
    return _observed(deployment) and all(count == wanted for count in _counts(deployment).values())


def differs(before: Status, status: Status) -> bool:
    """Whether ``status`` says anything that the present status, ``before``, does not."""
    fields = [key for key in status if key != "conditions"]
    return any(before.get(key) != status[key] for key in fields) or any(
        _by_type(before).get(kind) != condition for kind, condition in _by_type(status).items()
    )


def ready(status: Status) -> Mapping[str, Any]:
    """The ``Ready`` condition of a status that ``summarize`` made."""
    return _by_type(status)["Ready"]


def _by_type(status: Status) -> dict[str, Mapping[str, Any]]:
    return {condition["type"]: condition for condition in status.get("conditions", ())}


def _condition(
    kind: str, finding: Finding, generation: int, before: Mapping[str, Any] | None, now: datetime
) -> Mapping[str, Any]:
    stays = before is not None and before["status"] == finding.status
    return {
        "type": kind,
        "status": finding.status,
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if before and stays else _time(now),
        "reason": finding.reason,
        "message": finding.message[:32_768],
    }


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _wanted(deployment: Mapping[str, Any]) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _observed(deployment: Mapping[str, Any]) -> bool:
    return bool(deployment["status"]["observedGeneration"] >= deployment["metadata"]["generation"])


def _counts(deployment: Mapping[str, Any]) -> Mapping[str, int]:
    status = deployment["status"]
    return {key: int(status.get(key, 0)) for key in ("replicas", "updatedReplicas", "availableReplicas")}


def _available(deployment: Mapping[str, Any] | None, why: Obstacle | None) -> Finding:
    status = (deployment or {}).get("status") or {}
    if deployment is None or "observedGeneration" not in status:
        return _NOT_OBSERVED
    wanted = _wanted(deployment)
    running = int(status.get("availableReplicas", 0))
    if wanted == 0:
        return Finding("True", "ScaledToZero", "The resource asks for 0 pods, so no telemetry is received.")
    counted = f"{running} of {_pods(wanted)} {'is' if wanted == 1 else 'are'} available."
    conditions = _by_type(status)
    if conditions.get("Available", {}).get("status") == "True":
        return Finding("True", "MinimumReplicasAvailable", counted)
    return _missing(conditions, counted, why)


def _to_its_secret(why: Obstacle | None, workload: Workload) -> Obstacle | None:
    """Name the Secret of the credentials that Kafka refuses: the exporter knows files, the resource knows Secrets."""
    if why is None or not why.kafka:
        return why
    for kind, reference in _references(why.reason, workload):
        if reference is not None:
            said = why.message.partition(": check ")[0].rstrip(".")
            return why._replace(message=f'{said}: check key "{reference.key}" of {kind} "{reference.name}".')
    return why


def _references(reason: str, workload: Workload) -> Sequence[tuple[str, SecretKeyRef | ConfigMapKeyRef | None]]:
    """Where the credentials come from that ``reason`` is about, each with the kind of its object."""
    sasl, tls = workload.sasl, workload.tls
    if reason == "AuthenticationFailed" and sasl is not None:
        return (("Secret", sasl.password_secret_ref),)
    if reason == "ClientCertificateRefused" and tls is not None and tls.client_cert_secret_ref is not None:
        return (("Secret", SecretKeyRef(name=tls.client_cert_secret_ref.name, key="tls.crt")),)
    if reason == "CertificateNotTrusted" and tls is not None:
        return (("Secret", tls.ca_secret_ref), ("ConfigMap", tls.ca_config_map_ref))
    return ()


def _reachable(available: Finding, why: Obstacle | None) -> Finding:
    if why is not None and why.kafka:
        return Finding("False", why.reason, why.message)
    if available.reason == "MinimumReplicasAvailable":
        return Finding("True", "Connected", "Kafka has answered the available pods.")
    return Finding("Unknown", "NoPodTells", "No pod has reported yet whether it reaches Kafka.")


def _missing(conditions: Mapping[str, Mapping[str, Any]], counted: str, why: Obstacle | None) -> Finding:
    """Why pods are missing: the cause, rather than its consequence."""
    failure, progress = conditions.get("ReplicaFailure", {}), conditions.get("Progressing", {})
    if failure.get("status") == "True":
        return Finding(
            "False", "ReplicaFailure", f"{counted} Kubernetes cannot create pods: {failure.get('message', '')}"
        )
    if why is not None:
        return Finding("False", why.reason, f"{counted} {why.message}")
    if progress.get("status") == "False":
        reason = str(progress.get("reason", "ProgressDeadlineExceeded"))
        return Finding("False", reason, f"{counted} {progress.get('message', '')}")
    return Finding("False", "PodsNotReady", counted)


def _ready(
    findings: Findings, before: Mapping[str, Mapping[str, Any]], available: Finding, why: Obstacle | None
) -> Finding:
    """The first step that failed, else the progress of the rollout."""
    for finding in (findings.config, findings.applied):
        if finding is not None and finding.status != "True":
            return Finding("False", finding.reason, finding.message)
    if findings.applied is None and before.get("Applied", _NOT_APPLIED.__dict__)["status"] != "True":
        return Finding("False", _NOT_APPLIED.reason, _NOT_APPLIED.message)
    if available.status != "True":
        return Finding("False", available.reason, available.message)
    return _rollout(findings.deployment or {}, available, why)


def _rollout(deployment: Mapping[str, Any], available: Finding, why: Obstacle | None) -> Finding:
    wanted = _wanted(deployment)
    if settled(deployment):
        reason = "Available" if wanted else available.reason
        return Finding("True", reason, available.message)
    updated = _counts(deployment)["updatedReplicas"] if _observed(deployment) else 0
    said = f"{updated} of {_pods(wanted)} run the newest version."
    if why is not None:
        return Finding("False", "RollingOut" if why.passing else why.reason, f"{said} {why.message}")
    progress = _by_type(deployment["status"]).get("Progressing", {})
    if progress.get("status") == "False":
        return Finding("False", str(progress.get("reason")), str(progress.get("message", "")))
    return Finding("False", "RollingOut", said)


def _pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"
