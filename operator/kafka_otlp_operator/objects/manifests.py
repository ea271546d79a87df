"""The objects of a resource: ``desired`` makes them. Pure: equal resources give equal objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kafka_otlp_operator import names
from kafka_otlp_operator.objects import policies
from kafka_otlp_operator.objects.ownership import Manifest, child_metadata
from kafka_otlp_operator.objects.template import pod_template
from kafka_otlp_operator.resource.access_fields import Served
from kafka_otlp_operator.resource.scaling import ScalingMode
from kafka_otlp_operator.resource.spec import Resource


@dataclass(frozen=True)
class Desired:
    """The objects that a resource wants; iterating gives them in the order in which they are applied.

    ``before`` comes before the pods: none of them ever runs without its NetworkPolicy.
    """

    before: tuple[Manifest, ...]
    deployment: Manifest
    after: tuple[Manifest, ...]

    def __iter__(self) -> Iterator[Manifest]:
        """All of them."""
        return iter((*self.before, self.deployment, *self.after))


def desired(resource: Resource, image: str, credentials_hash: str | None = None) -> Desired:
    """The objects that ``resource`` wants.

    ``image`` is the exporter's image where the resource names none. ``credentials_hash`` becomes an annotation of the
    pods, so that another hash replaces them; with None there is no such annotation.
    """
    before = (service_account(resource), service(resource), policies.network_policy(resource))
    after = (policies.disruption_budget(resource), policies.autoscaler(resource), policies.pod_monitor(resource))
    return Desired(
        before=tuple(manifest for manifest in before if manifest is not None),
        deployment=deployment(resource, image, credentials_hash),
        after=tuple(manifest for manifest in after if manifest is not None),
    )


def service_account(resource: Resource) -> Manifest:
    """The ServiceAccount: a right that somebody gives to ``default`` never reaches the exporter. It has no token."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": child_metadata(resource),
        "automountServiceAccountToken": False,
    }


def service(resource: Resource) -> Manifest:
    """The Service: OTLP for clients, and the admin port for scrapers of metrics."""
    wanted = resource.workload.service
    ports = [_port(f"otlp-{one.protocol}", one.port, _app_protocol(one)) for one in resource.workload.otlp.served]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(resource, annotations=wanted.annotations),
        "spec": {
            "type": wanted.type.value,
            "selector": dict(names.selector(resource.name)),
            "ports": [*ports, _port("admin", names.ADMIN_PORT, "http")],
        },
    }


def _port(name: str, number: int, protocol: str) -> dict[str, Any]:
    return {"name": name, "port": number, "targetPort": name, "protocol": "TCP", "appProtocol": protocol}


def _app_protocol(served: Served) -> str:
    """The protocol that a proxy in front sees: with TLS it is the same for both."""
    return served.protocol if served.server.tls_secret_ref is None else "https"


def deployment(resource: Resource, image: str, credentials_hash: str | None = None) -> Manifest:
    """The Deployment. It replaces pods one after the other, and none before its successor is ready.

    ``image`` and ``credentials_hash`` are those of ``desired``. With a scaling mode other than Fixed the manifest has no
    number of pods: a field that the operator does not apply stays with its other manager.
    """
    spec: dict[str, Any] = {
        "selector": {"matchLabels": dict(names.selector(resource.name))},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": pod_template(resource, image, credentials_hash),
    }
    if resource.workload.scaling.mode is ScalingMode.FIXED:
        spec = {"replicas": resource.workload.replicas, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": child_metadata(resource), "spec": spec}


def replicas_at_first(resource: Resource) -> int:
    """The number of pods of a Deployment that does not exist yet."""
    scaling = resource.workload.scaling
    if scaling.mode is ScalingMode.HPA:
        return scaling.min_replicas or 1
    return resource.workload.replicas
