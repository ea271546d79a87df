"""Why pods are not ready, in words that a person can act on: ``obstacle`` reads it from the pods' own status. Pure.

The fields of that status: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
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
_LONGEST = 600  # characters of a container's last words; the exporter's own refusals are one sentence


class Report(NamedTuple):
    """An exporter's report about Kafka, or about the files that it waits for before it connects to Kafka."""

    reason: str
    message: str
    missing_files: tuple[str, ...] = ()


class Obstacle(NamedTuple):
    """Why pods are not ready: a condition's reason, and a sentence.

    ``passing`` marks a state that every pod passes through, some for long. ``kafka`` marks an exporter's report about
    Kafka.
    """

    reason: str
    message: str
    passing: bool = False
    kafka: bool = False


def obstacle(pods: Sequence[Pod], reports: Mapping[str, Report]) -> Obstacle | None:
    """Why the newest pod that is not ready is not; None when no pod shows a cause.

    ``pods`` are in the API's own form, ``reports`` are the exporters' reports about Kafka, by pod name.
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
    """A fault that does not pass by itself."""
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        message = _one_line(scheduled.get("message")) or "it gives no reason"
        return Obstacle("Unschedulable", f"The scheduler found no node for pod {_name(pod)}: {message}.")
    return next((found for container in _containers(pod) if (found := _broken_container(pod, container))), None)


def _broken_container(pod: Pod, container: Mapping[str, Any]) -> Obstacle | None:
    state = container.get("state") or {}
    waiting, terminated = state.get("waiting"), state.get("terminated")
    if waiting:
        return _waits(pod, container, str(waiting.get("reason") or ""), _one_line(waiting.get("message")))
    return _ended(pod, container, terminated) if terminated else None


def _waits(pod: Pod, container: Mapping[str, Any], reason: str, message: str) -> Obstacle | None:
    """A container that the kubelet does not run, or not yet."""
    if reason in _PULL:
        image = container.get("image") or "its image"
        return Obstacle("ImagePullFailed", f"Pod {_name(pod)} cannot pull {image}: {message or reason}.")
    if reason == "CrashLoopBackOff":
        return _ended(pod, container, (container.get("lastState") or {}).get("terminated") or {})
    if reason and reason not in _STARTING:
        return Obstacle(_word(reason), f"Pod {_name(pod)} cannot start: {message or reason}.")
    return None


def _ended(pod: Pod, container: Mapping[str, Any], terminated: Mapping[str, Any]) -> Obstacle:
    """A container that ended, with the last words that the kubelet kept of it."""
    name, code = container.get("name"), terminated.get("exitCode", "unknown")
    who = "the exporter" if name == names.CONTAINER else f"container {name}"
    why = f" ({terminated['reason']})" if terminated.get("reason") not in (None, "Error", "Completed") else ""
    said = _one_line(terminated.get("message"))
    message = f"Pod {_name(pod)} restarts again and again: {who} ended with exit code {code}{why}"
    return Obstacle("CrashLooping", message + (f", saying: {said}." if said else "."))


def _starting(pod: Pod) -> Obstacle | None:
    reasons = {((container.get("state") or {}).get("waiting") or {}).get("reason") for container in _containers(pod)}
    if not reasons & _STARTING:
        return None
    return Obstacle("PodsStarting", f"Pod {_name(pod)} is starting.", passing=True)


def _reported(reports: Mapping[str, Report], pod: Pod) -> Obstacle | None:
    """The exporter's own report. A connection that is still being made is no obstacle yet."""
    report = reports.get(_name(pod))
    if report is None or report.reason == "Connecting":
        return None
    if report.missing_files:
        return _waiting_for(report.missing_files, pod)
    message = _one_line(report.message)
    return Obstacle(_word(report.reason), f"{message[:1].upper()}{message[1:]}.", kafka=True)


def _waiting_for(files: Sequence[str], pod: Pod) -> Obstacle:
    """Name the Secrets of missing files: the exporter knows files, the pod's volumes know their Secrets and keys."""
    sources = _sources(pod)
    keys = ", ".join(dict.fromkeys(sources.get(file, f"file {file}") for file in files))
    return Obstacle(
        "SecretKeyMissing",
        f"Pod {_name(pod)} waits for {keys} in namespace {pod['metadata'].get('namespace')}: create what is missing; "
        "the pod reads it within two minutes, without a restart.",
    )


def _sources(pod: Pod) -> Mapping[str, str]:
    """The source of each file of the pod's own volumes, by path: ``key "password" of Secret "edge-kafka"``."""
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
        "The pods that run are not ready: Kafka has not answered them yet; see GET /status on port "
        f"{names.ADMIN_PORT} of pod {_name(pod)}, or its log.",
        passing=True,
    )


def _containers(pod: Pod) -> Sequence[Mapping[str, Any]]:
    """The exporter's container first, then those that others have added to the pod."""
    status = pod.get("status") or {}
    containers = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    # An init container ends with 0 when it has done its work.
    ended_well = [one for one in containers if ((one.get("state") or {}).get("terminated") or {}).get("exitCode") == 0]
    return sorted((one for one in containers if one not in ended_well), key=lambda one: one["name"] != names.CONTAINER)


def _condition(pod: Pod, kind: str) -> Mapping[str, Any]:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _name(pod: Pod) -> str:
    return str(pod["metadata"]["name"])


def _word(reason: str) -> str:
    """The reason as a condition's reason, which must be one word. The kubelet's usually are, without a promise."""
    return reason if reason.isidentifier() and reason.isascii() and reason[0] != "_" else "PodsNotReady"


def _one_line(text: object) -> str:
    """The end of a text, as one line without its last full stop. The last words name the cause."""
    line = " ".join(str(text or "").split()).rstrip(".")
    return line if len(line) <= _LONGEST else "... " + line[-_LONGEST:]
