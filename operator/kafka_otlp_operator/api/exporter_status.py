"""Asks exporter pods what they say of Kafka: ``GET /status`` on their admin port. Called by ``reconcile``.

Nothing depends on the answer but the words of the status: where pods cannot be reached, it says less.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from kafka_otlp_operator import names
from kafka_otlp_operator.status.pods import Report

# A few tell for all, and one that does not answer must not hold up the work on other resources.
_ASKED = 3
_SECONDS = 1.0
_LONGEST = 64 * 1024

# Pods are reached directly, whatever proxy the environment names for the world outside.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def reports(pods: Sequence[Mapping[str, Any]]) -> Mapping[str, Report]:
    """What the newest running pods say of Kafka, by pod name, of those that miss it."""
    running = [pod for pod in pods if (pod.get("status") or {}).get("podIP") and _runs(pod)]
    newest = sorted(running, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    said = {pod["metadata"]["name"]: _ask(str(pod["status"]["podIP"])) for pod in newest[:_ASKED]}
    return {name: report for name, report in said.items() if report is not None}


def _runs(pod: Mapping[str, Any]) -> bool:
    containers = pod["status"].get("containerStatuses") or ()
    return any("running" in (container.get("state") or {}) for container in containers)


def _ask(address: str) -> Report | None:
    host = f"[{address}]" if ":" in address else address
    try:
        with _open(f"http://{host}:{names.ADMIN_PORT}/status", timeout=_SECONDS) as answer:
            said = json.loads(answer.read(_LONGEST))
        kafka = said["kafka"]
        if kafka["connected"]:
            return None
        return Report(str(kafka["reason"]), str(kafka["message"]), tuple(map(str, said.get("missingFiles") or ())))
    except (OSError, ValueError, KeyError, TypeError):
        return None
