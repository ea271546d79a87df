"""What a resource becomes: ``desired`` lists the objects, one function each. Pure, and always the same for the same.

Called by ``reconcile`` and by ``render`` in ``__main__``. The pods pass Pod Security ``restricted``
(https://kubernetes.io/docs/concepts/security/pod-security-standards/).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kafka_otlp_exporter import env, values
from kafka_otlp_exporter import settings as process
from kafka_otlp_operator import names, quantity
from kafka_otlp_operator.fields import MARGIN_SECONDS, PRE_STOP_SECONDS
from kafka_otlp_operator.spec import Resource

Manifest = Mapping[str, Any]

_USER = 65532  # "nonroot" of distroless images
_LEAST_IN_FLIGHT = 4 * process.MEBIBYTE
_MOST_IN_FLIGHT = 1024 * 1024 * process.MEBIBYTE


def desired(resource: Resource, image: str) -> tuple[Manifest, ...]:
    """The objects that the resource wants, in the order in which they are applied.

    ``image`` is the exporter's image where the resource names none.
    """
    return (service_account(resource), service(resource), deployment(resource, image))


def service_account(resource: Resource) -> Manifest:
    """An identity of its own, so that no right given to ``default`` reaches the exporter. It has no token."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(resource),
        "automountServiceAccountToken": False,
    }


def service(resource: Resource) -> Manifest:
    """The address of the pods: OTLP/gRPC and OTLP/HTTP for clients, the admin port for whoever scrapes metrics."""
    wanted = resource.workload.service
    metadata = _metadata(resource)
    if wanted.annotations:
        metadata = {**metadata, "annotations": dict(wanted.annotations)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "type": wanted.type.value,
            "selector": dict(names.selector(resource.name)),
            "ports": [
                {
                    "name": "otlp-grpc",
                    "port": names.OTLP_GRPC_PORT,
                    "targetPort": "otlp-grpc",
                    "protocol": "TCP",
                    "appProtocol": "grpc",
                },
                {
                    "name": "otlp-http",
                    "port": names.OTLP_HTTP_PORT,
                    "targetPort": "otlp-http",
                    "protocol": "TCP",
                    "appProtocol": "http",
                },
                {
                    "name": "admin",
                    "port": names.ADMIN_PORT,
                    "targetPort": "admin",
                    "protocol": "TCP",
                    "appProtocol": "http",
                },
            ],
        },
    }


def deployment(resource: Resource, image: str) -> Manifest:
    """The pods, replaced one after the other and never before the new one is ready."""
    template = resource.workload.pod_template
    metadata: dict[str, Any] = {"labels": {**template.labels, **names.labels(resource.name)}}
    if template.annotations:
        metadata["annotations"] = dict(template.annotations)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(resource),
        "spec": {
            "replicas": resource.workload.replicas,
            "selector": {"matchLabels": dict(names.selector(resource.name))},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"metadata": metadata, "spec": _pod(resource, image)},
        },
    }


def _metadata(resource: Resource) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": resource.name,
        "namespace": resource.namespace,
        "labels": dict(names.labels(resource.name)),
    }
    if resource.uid:  # a file that `render` reads has none
        metadata["ownerReferences"] = [
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": resource.name,
                "uid": resource.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return metadata


def _pod(resource: Resource, image: str) -> dict[str, Any]:
    workload, template = resource.workload, resource.workload.pod_template
    pod: dict[str, Any] = {
        "serviceAccountName": resource.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _grace_seconds(resource),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(resource, image)],
        "topologySpreadConstraints": _spread(resource),
    }
    if sources := credential_sources(resource):
        pod["volumes"] = [{"name": names.CREDENTIALS_VOLUME, "projected": {"defaultMode": 0o440, "sources": sources}}]
    optional = {
        "imagePullSecrets": list(workload.image_pull_secrets),
        "nodeSelector": dict(template.node_selector),
        "tolerations": list(template.tolerations),
        "affinity": template.affinity,
        "priorityClassName": template.priority_class_name,
    }
    return pod | {key: value for key, value in optional.items() if value}


def _container(resource: Resource, image: str) -> dict[str, Any]:
    workload = resource.workload
    container: dict[str, Any] = {
        "name": names.CONTAINER,
        "image": workload.image or image,
        "args": ["start", "--exporter", "kafka"],
        "env": _environment(resource),
        "ports": [
            {"name": "otlp-grpc", "containerPort": names.OTLP_GRPC_PORT, "protocol": "TCP"},
            {"name": "otlp-http", "containerPort": names.OTLP_HTTP_PORT, "protocol": "TCP"},
            {"name": "admin", "containerPort": names.ADMIN_PORT, "protocol": "TCP"},
        ],
        # Until Kafka has answered once the pod is not ready, but alive: a restart would not bring Kafka back.
        "startupProbe": _probe("/livez", period=1, failures=60),
        "livenessProbe": _probe("/livez", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=5, failures=2),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        # What the exporter refuses to start with it says in one sentence on stderr: `pods` reads it from the status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    if workload.image_pull_policy is not None:
        container["imagePullPolicy"] = workload.image_pull_policy.value
    if workload.resources:
        container["resources"] = dict(workload.resources)
    if credential_sources(resource):
        mount = {"name": names.CREDENTIALS_VOLUME, "mountPath": names.CREDENTIALS_DIR, "readOnly": True}
        container["volumeMounts"] = [mount]
    return container


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "admin"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _environment(resource: Resource) -> list[dict[str, Any]]:
    """Options that were set, then what the operator derives, then the author's own variables."""
    texts = env.to_environment(resource.options)
    shutdown = timedelta(seconds=_grace_seconds(resource) - PRE_STOP_SECONDS - MARGIN_SECONDS)
    derived = {"shutdown_timeout": values.format_duration(min(shutdown, timedelta(minutes=15)))}
    if credential_sources(resource):
        derived["credentials_dir"] = names.CREDENTIALS_DIR
    if (in_flight := _in_flight_bytes(resource)) is not None:
        derived["max_in_flight_bytes"] = str(in_flight)
    texts |= {process.ROWS[name].variable: text for name, text in derived.items()}
    return [
        *({"name": name, "value": text} for name, text in texts.items()),
        *(dict(entry) for entry in resource.workload.pod_template.env),
    ]


def _in_flight_bytes(resource: Resource) -> int | None:
    limit = (resource.workload.resources or {}).get("limits", {}).get("memory")
    if limit is None:
        return None
    return min(max(quantity.whole(limit) // 8, _LEAST_IN_FLIGHT), _MOST_IN_FLIGHT)


def _grace_seconds(resource: Resource) -> int:
    wanted = resource.workload.pod_template.termination_grace_period_seconds
    if wanted is not None:
        return wanted
    return PRE_STOP_SECONDS + math.ceil(resource.options.request_timeout.total_seconds()) + 10


def credential_sources(resource: Resource) -> list[dict[str, Any]]:
    """The projected volume's sources: each key of a Secret under the file name that the exporter looks for."""
    sasl, tls = resource.workload.sasl, resource.workload.tls
    sources: list[dict[str, Any]] = []
    if sasl is not None:
        if sasl.username_secret_ref is not None:
            sources.append(_secret(sasl.username_secret_ref.name, {sasl.username_secret_ref.key: "username"}))
        sources.append(_secret(sasl.password_secret_ref.name, {sasl.password_secret_ref.key: "password"}))
    if tls is not None:
        if tls.ca_secret_ref is not None:
            sources.append(_secret(tls.ca_secret_ref.name, {tls.ca_secret_ref.key: "ca.crt"}))
        if tls.ca_config_map_ref is not None:
            source = _secret(tls.ca_config_map_ref.name, {tls.ca_config_map_ref.key: "ca.crt"})
            sources.append({"configMap": source["secret"]})
        if tls.client_cert_secret_ref is not None:
            sources.append(_secret(tls.client_cert_secret_ref.name, {key: key for key in ("tls.crt", "tls.key")}))
    return sources


def _secret(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    return {"secret": {"name": name, "items": [{"key": key, "path": path} for key, path in files.items()]}}


def _spread(resource: Resource) -> list[dict[str, Any]]:
    wanted = resource.workload.pod_template.topology_spread_constraints
    if wanted is not None:
        return [dict(constraint) for constraint in wanted]
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(names.selector(resource.name))},
        }
    ]
