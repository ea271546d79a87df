"""A transition of ``Ready`` as a Kubernetes Event, for those who look with ``kubectl describe``. Pure.

Called by ``reconcile`` when it has written a status. The form is that of
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ in its core version, which ``kubectl
describe`` looks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kafka_otlp_operator import names

# The API server takes no longer one, and counts bytes.
_LONGEST_MESSAGE = 1024
# What everything goes through on its way, and nobody needs to be warned of.
PASSING = frozenset(
    {"NotApplied", "DeploymentNotObserved", "PodsNotReady", "PodsStarting", "RollingOut", "ScaledToZero"}
)


def transition(resource: Mapping[str, Any], ready: Mapping[str, Any], now: datetime) -> Mapping[str, Any] | None:
    """The Event that tells of a new ``Ready`` condition; None when its status and reason are those of before.

    ``resource`` carries the status that it had before, ``now`` is when the new one was written.
    """
    before = next(iter(_ready(resource.get("status") or {})), {})
    if all(before.get(part) == ready[part] for part in ("status", "reason")):
        return None
    metadata = resource["metadata"]
    warning = ready["status"] != "True" and ready["reason"] not in PASSING
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        # As client-go's recorders name theirs: the object, and a number that no other one has.
        "metadata": {
            "name": f"{metadata['name']}.{int(now.timestamp() * 1_000_000):x}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": "Warning" if warning else "Normal",
        "reason": ready["reason"],
        "message": ready["message"].encode()[:_LONGEST_MESSAGE].decode(errors="ignore"),
        "source": {"component": names.OPERATOR},
        "reportingComponent": names.OPERATOR,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }


def _ready(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [condition for condition in status.get("conditions", ()) if condition["type"] == "Ready"]
