"""Why pods are not ready, in words that a person can act on: ``obstacle`` reads it from the pods' own status. Pure.

Called by ``status`` where a Deployment is not all there. What the kubelet writes:
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from kafka_otlp_operator import names

Pod = Mapping[str, Any]

_PULL = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})
_LONGEST = 600  # of what a container wrote last; the exporter's own refusals are one sentence


class Report(NamedTuple):
    """What an exporter says of Kafka, or of the files that it waits for before it looks for Kafka."""

    reason: str
    message: str
    missing_files: tuple[str, ...] = ()


class Obstacle(NamedTuple):
    """What keeps pods from being ready: a condition's reason, and a sentence.

    ``passing`` is what every pod goes through on its way, some for long; ``kafka`` is what an exporter says of Kafka.
    """

    reason: str
    message: str
    passing: bool = False
    kafka: bool = False


def obstacle(pods: Sequence[Pod], reports: Mapping[str, Report]) -> Obstacle | None:
    """What keeps the newest pod that is not ready from it; None when no pod tells.

    ``reports`` is what exporters say of Kafka, by pod name.
    """
    waiting = [pod for pod in pods if _counts(pod) and _condition(pod, "Ready").get("status") != "True"]
    newest = sorted(waiting, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    told = (
        found
        for look in (_broken, partial(_reported, reports), _starting, _unanswered)
        for pod in newest
        if (found := look(pod))
    )
    return next(told, None)


def _counts(pod: Pod) -> bool:
    over = (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    return not over and "deletionTimestamp" not in pod["metadata"]


def _broken(pod: Pod) -> Obstacle | None:
    """What will not go away by itself."""
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        message = _one_line(scheduled.get("message")) or "the scheduler does not say why"
        return Obstacle("Unschedulable", f"No node takes pod {_name(pod)}: {message}.")
    return next((found for container in _containers(pod) if (found := _broken_container(pod, container))), None)


def _broken_container(pod: Pod, container: Mapping[str, Any]) -> Obstacle | None:
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, message = str(waiting.get("reason") or ""), _one_line(waiting.get("message"))
    if reason in _PULL:
        image = container.get("image") or "its image"
        return Obstacle("ImagePullFailed", f"Pod {_name(pod)} cannot pull {image}: {message or reason}.")
    if reason == "CrashLoopBackOff" or (state.get("terminated") and not waiting):
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
        return Obstacle("CrashLooping", f"Pod {_name(pod)} ends again and again: {_end(container, ended)}.")
    if reason and reason not in _STARTING:
        return Obstacle(_word(reason), f"Pod {_name(pod)} cannot start: {message or reason}.")
    return None


def _end(container: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
    name = container.get("name")
    who = "the exporter" if name == names.CONTAINER else f"container {name}"
    why = f" ({ended['reason']})" if ended.get("reason") not in (None, "Error", "Completed") else ""
    said = _one_line(ended.get("message"))
    return f"{who} ended with exit code {ended.get('exitCode', 'unknown')}{why}" + (f", saying: {said}" if said else "")


def _starting(pod: Pod) -> Obstacle | None:
    reasons = {((container.get("state") or {}).get("waiting") or {}).get("reason") for container in _containers(pod)}
    if not reasons & _STARTING:
        return None
    return Obstacle("PodsStarting", f"Pod {_name(pod)} is being started.", passing=True)


def _reported(reports: Mapping[str, Report], pod: Pod) -> Obstacle | None:
    """What the exporter itself says; a connection that is only just being made is no obstacle yet."""
    report = reports.get(_name(pod))
    if report is None or report.reason == "Connecting":
        return None
    if report.missing_files:
        return _waiting_for(report.missing_files, pod)
    message = _one_line(report.message)
    return Obstacle(_word(report.reason), f"{message[:1].upper()}{message[1:]}.", kafka=True)


def _waiting_for(files: Sequence[str], pod: Pod) -> Obstacle:
    """The exporter knows files, the pod's volumes know which keys of which Secrets they are to come from."""
    sources = _sources(pod)
    keys = ", ".join(dict.fromkeys(sources.get(file, f"file {file}") for file in files))
    return Obstacle(
        "SecretKeyMissing",
        f"Pod {_name(pod)} waits for {keys} in namespace {pod['metadata'].get('namespace')}: create what is not there; "
        "it is taken up within two minutes, without a restart.",
    )


def _sources(pod: Pod) -> Mapping[str, str]:
    """Where each file of the pod's own volumes comes from, by its path: ``key "password" of Secret "edge-kafka"``."""
    folders = {names.CREDENTIALS_VOLUME: names.CREDENTIALS_DIR, names.OTLP_VOLUME: names.OTLP_DIR}
    return {
        f"{folders[volume['name']]}/{item['path']}": f'key "{item["key"]}" of {kind} "{source[field]["name"]}"'
        for volume in pod["spec"].get("volumes") or ()
        if volume["name"] in folders
        for source in volume["projected"]["sources"]
        for field, kind in (("secret", "Secret"), ("configMap", "ConfigMap"))
        if field in source
        for item in source[field].get("items") or ()
    }


def _unanswered(pod: Pod) -> Obstacle | None:
    if not any((container.get("state") or {}).get("running") for container in _containers(pod)):
        return None
    return Obstacle(
        "PodsNotReady",
        "Those that run are not ready: Kafka has not answered them yet; see GET /status on port "
        f"{names.ADMIN_PORT} of pod {_name(pod)}, or its log.",
        passing=True,
    )


def _containers(pod: Pod) -> Sequence[Mapping[str, Any]]:
    """The exporter's first, then those that others have put into the pod."""
    status = pod.get("status") or {}
    containers = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    # An init container that did its work has ended as it should.
    ended_well = [one for one in containers if ((one.get("state") or {}).get("terminated") or {}).get("exitCode") == 0]
    return sorted((one for one in containers if one not in ended_well), key=lambda one: one["name"] != names.CONTAINER)


def _condition(pod: Pod, kind: str) -> Mapping[str, Any]:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _name(pod: Pod) -> str:
    return str(pod["metadata"]["name"])


def _word(reason: str) -> str:
    """A condition's reason is one word; the kubelet's are, but nobody promises it."""
    return reason if reason.isidentifier() and reason.isascii() and reason[0] != "_" else "PodsNotReady"


def _one_line(text: object) -> str:
    """The end of it, as one line without its last full stop: what came last is what it ended of."""
    line = " ".join(str(text or "").split()).rstrip(".")
    return line if len(line) <= _LONGEST else "... " + line[-_LONGEST:]
