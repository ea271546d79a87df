"""Asks exporter pods about Kafka: ``GET /status`` on their admin port.

Only the words of the resource's status depend on the answer. When a pod cannot be reached, the status says less.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from kafka_otlp_operator import names
from kafka_otlp_operator.status.pods import Report

# Pods of one resource say the same, and one that does not answer must not hold up the work on other resources.
_ASKED = 3
_SECONDS = 1.0
_LONGEST = 64 * 1024

# The operator connects to pods directly, also when the environment names a proxy.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def reports(pods: Sequence[Mapping[str, Any]]) -> Mapping[str, Report]:
    """The reports of the newest running pods that have no connection to Kafka, by pod name.

    ``pods`` are in the API's own form. A pod that does not answer, or answers nonsense, has no report.
    """
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
