"""The kinds of objects that the operator reads, writes and watches, with their paths in the API: one table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from kafka_otlp_operator import names


@dataclass(frozen=True)
class Kind:
    """One kind. ``optional``: the API server need not serve it, because it comes with another product.

    ``busy``: controllers of Kubernetes write its status often, and the operator never reads that status.
    """

    group: str
    version: str
    plural: str
    optional: bool = False
    busy: bool = False

    @property
    def root(self) -> str:
        """The path of the kind's group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The path of one object; without ``name`` of all in a namespace, with ``namespace`` None of all in the cluster."""
        parts = [self.root]
        if namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        return "/".join(parts)


PODS = Kind("", "v1", "pods")
EVENTS = Kind("", "v1", "events")
LEASES = Kind("coordination.k8s.io", "v1", "leases")
REVIEWS = Kind("authorization.k8s.io", "v1", "selfsubjectaccessreviews")
SOURCES: Mapping[str, Kind] = {"Secret": Kind("", "v1", "secrets"), "ConfigMap": Kind("", "v1", "configmaps")}
RESOURCE = Kind(names.GROUP, names.SERVED_VERSION, names.PLURAL)

# The kinds that the operator makes, and therefore watches and prunes.
CHILDREN: Mapping[str, Kind] = {
    "Deployment": Kind("apps", "v1", "deployments"),
    "Service": Kind("", "v1", "services"),
    "ServiceAccount": Kind("", "v1", "serviceaccounts"),
    "NetworkPolicy": Kind("networking.k8s.io", "v1", "networkpolicies"),
    "PodDisruptionBudget": Kind("policy", "v1", "poddisruptionbudgets", busy=True),
    "HorizontalPodAutoscaler": Kind("autoscaling", "v2", "horizontalpodautoscalers", busy=True),
    "PodMonitor": Kind("monitoring.coreos.com", "v1", "podmonitors", optional=True),
}
