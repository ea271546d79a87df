"""The optional objects: autoscaler, disruption budget, network policy, pod monitor. Pure.

Each function returns the object, or None when the resource does not ask for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafka_otlp_operator import names
from kafka_otlp_operator.objects.ownership import Manifest, child_metadata
from kafka_otlp_operator.resource.scaling import ScalingMode
from kafka_otlp_operator.resource.spec import Resource

_TARGET_CPU = 80
_DNS_PORT = 53


def autoscaler(resource: Resource) -> Manifest | None:
    """The HorizontalPodAutoscaler of the Deployment; it scales by CPU."""
    scaling = resource.workload.scaling
    if scaling.mode is not ScalingMode.HPA:
        return None
    target = {"type": "Utilization", "averageUtilization": scaling.target_cpu or _TARGET_CPU}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": child_metadata(resource),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": resource.name},
            "minReplicas": scaling.min_replicas or 1,
            "maxReplicas": scaling.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def disruption_budget(resource: Resource) -> Manifest | None:
    """The PodDisruptionBudget. Pods that are not ready may always be evicted: an outage of Kafka must not stop a drain."""
    wanted = resource.workload.pod_disruption_budget
    if wanted is None or not wanted.enabled:
        return None
    if wanted.min_available is not None:
        limit = {"minAvailable": wanted.min_available}
    else:
        limit = {"maxUnavailable": 1 if wanted.max_unavailable is None else wanted.max_unavailable}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": child_metadata(resource),
        "spec": {**limit, "selector": _pods(resource), "unhealthyPodEvictionPolicy": "AlwaysAllow"},
    }


def network_policy(resource: Resource) -> Manifest | None:
    """The NetworkPolicy. A policy knows no host names, so it allows the brokers' ports on every host."""
    wanted = resource.workload.network_policy
    if wanted is None or not wanted.enabled:
        return None
    clients: dict[str, Any] = {"ports": _tcp(served.port for served in resource.workload.otlp.served)}
    if wanted.ingress_from:
        clients = {"from": [dict(peer) for peer in wanted.ingress_from], **clients}
    brokers = {int(broker.rpartition(":")[2]) for broker in resource.options.brokers} | set(wanted.broker_ports)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": child_metadata(resource),
        "spec": {
            "podSelector": _pods(resource),
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [clients, {"ports": _tcp([names.ADMIN_PORT])}],
            "egress": [
                {"ports": _tcp(sorted(brokers))},
                {"ports": [{"protocol": protocol, "port": _DNS_PORT} for protocol in ("UDP", "TCP")]},
            ],
        },
    }


def pod_monitor(resource: Resource) -> Manifest | None:
    """The PodMonitor, with which the Prometheus operator scrapes the pods."""
    wanted = resource.workload.metrics.pod_monitor
    if wanted is None or not wanted.enabled:
        return None
    endpoint = {"port": "admin", "path": "/metrics"}
    if wanted.interval is not None:
        endpoint["interval"] = wanted.interval
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": child_metadata(resource, labels=wanted.labels),
        "spec": {"selector": _pods(resource), "podMetricsEndpoints": [endpoint]},
    }


def _pods(resource: Resource) -> dict[str, Any]:
    return {"matchLabels": dict(names.selector(resource.name))}


def _tcp(ports: Iterable[int]) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]
