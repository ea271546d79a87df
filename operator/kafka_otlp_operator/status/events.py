"""A transition of ``Ready`` as a Kubernetes Event, which ``kubectl describe`` shows. Pure.

The form is that of https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ in its core version,
because ``kubectl describe`` reads that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kafka_otlp_operator import names
from kafka_otlp_operator.resource.metadata import Metadata

# The API server's limit, in bytes.
_LONGEST_MESSAGE = 1024
# Reasons that every resource passes through: their Events are no warnings.
PASSING = frozenset(
    {"NotApplied", "DeploymentNotObserved", "PodsNotReady", "PodsStarting", "RollingOut", "ScaledToZero"}
)


def transition(
    resource: Metadata, before: Mapping[str, Any], ready: Mapping[str, Any], now: datetime
) -> Mapping[str, Any] | None:
    """The Event about a new ``Ready`` condition; None when its status and reason are the previous ones.

    ``resource`` is what the Event is about, ``before`` its previous status, ``ready`` the new condition, and ``now``
    the time at which it was written.
    """
    previous = next(iter(_ready(before)), {})
    if all(previous.get(part) == ready[part] for part in ("status", "reason")):
        return None
    warning = ready["status"] != "True" and ready["reason"] not in PASSING
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        # The form of client-go's recorders: the object's name and a unique number.
        "metadata": {
            "name": f"{resource.name}.{int(now.timestamp() * 1_000_000):x}",
            "namespace": resource.namespace,
        },
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": resource.name,
            "namespace": resource.namespace,
            "uid": resource.uid,
            "resourceVersion": resource.resource_version,
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
