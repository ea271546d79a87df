"""The pod template of the exporter. Pure: equal resources give equal templates.

The pods pass Pod Security ``restricted`` (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kafka_otlp_exporter.config import env, sizing, values
from kafka_otlp_exporter.config import settings as process
from kafka_otlp_operator import names
from kafka_otlp_operator.objects.secrets_digest import Source
from kafka_otlp_operator.resource import quantity
from kafka_otlp_operator.resource.fields import MARGIN_SECONDS, PRE_STOP_SECONDS
from kafka_otlp_operator.resource.spec import Resource

_USER = 65532  # "nonroot" of distroless images


def pod_template(resource: Resource, image: str, credentials_hash: str | None = None) -> dict[str, Any]:
    """Labels, annotations and spec of the pods.

    ``image`` is the exporter's image where the resource names none. ``credentials_hash`` becomes an annotation, so that
    another hash replaces the pods; with None there is no such annotation.
    """
    wanted = resource.workload.pod_template
    metadata: dict[str, Any] = {"labels": {**wanted.labels, **names.labels(resource.name)}}
    annotations = dict(wanted.annotations)
    if credentials_hash is not None:
        annotations[names.CREDENTIALS_HASH] = credentials_hash
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": _pod(resource, image)}


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
    if volumes := _volumes(resource):
        pod["volumes"] = [
            {"name": name, "projected": {"defaultMode": 0o440, "sources": sources}} for name, _, sources in volumes
        ]
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
        "ports": _ports(resource),
        # Until Kafka has answered once, the pod is alive but not ready: a restart would not bring Kafka back.
        "startupProbe": _probe("/livez", period=1, failures=60),
        "livenessProbe": _probe("/livez", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=5, failures=2),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        # An exporter that refuses to start writes one sentence to stderr; the kubelet copies it into the pod's status.
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
    if volumes := _volumes(resource):
        container["volumeMounts"] = [
            {"name": name, "mountPath": folder, "readOnly": True} for name, folder, _ in volumes
        ]
    return container


def _ports(resource: Resource) -> list[dict[str, Any]]:
    ports = {f"otlp-{served.protocol}": served.port for served in resource.workload.otlp.served}
    ports["admin"] = names.ADMIN_PORT
    return [{"name": name, "containerPort": number, "protocol": "TCP"} for name, number in ports.items()]


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "admin"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _environment(resource: Resource) -> list[dict[str, Any]]:
    """The options that were set, then the settings that the operator derives, then the author's own variables."""
    texts = env.to_environment(resource.options)
    shutdown = timedelta(seconds=_grace_seconds(resource) - PRE_STOP_SECONDS - MARGIN_SECONDS)
    derived = {"shutdown_timeout": values.format_duration(min(shutdown, timedelta(minutes=15)))}
    if credential_sources(resource):
        derived["credentials_dir"] = names.CREDENTIALS_DIR
    if required := _required_files(resource):
        derived["required_files"] = values.format_names(required)
    if (memory := _memory_limit(resource)) is not None:
        derived["max_in_flight_bytes"] = str(process.in_flight_bytes(memory))
    derived["workers"] = str(_workers(resource))
    derived |= _ways_in(resource)
    texts |= {_variable(name): text for name, text in derived.items()}
    return [
        # The kubelet replaces $(NAME) in a value, and turns $$ into $.
        *({"name": name, "value": text.replace("$", "$$")} for name, text in texts.items()),
        *(dict(entry) for entry in resource.workload.pod_template.env),
    ]


def _variable(setting: str) -> str:
    """The environment variable of one setting of the exporter process."""
    return env.PREFIX + setting.upper()


def _ways_in(resource: Resource) -> dict[str, str]:
    """The exporter's settings of addresses, limits and files of OTLP."""
    otlp = resource.workload.otlp
    settings: dict[str, str] = {}
    for protocol, server in otlp.servers.items():
        way = _way(protocol)
        if not server.enabled:
            settings[f"{way}_endpoint"] = ""
            continue
        if server.port is not None:
            settings[f"{way}_endpoint"] = f"0.0.0.0:{server.port}"
        if server.max_request_bytes is not None:
            settings[f"{way}_max_request_bytes"] = str(server.max_request_bytes)
        if server.tls_secret_ref is not None:
            settings[f"{way}_tls_cert_file"] = f"{names.OTLP_DIR}/{way}/tls.crt"
            settings[f"{way}_tls_private_key_file"] = f"{names.OTLP_DIR}/{way}/tls.key"
        if server.client_ca_secret_ref is not None:
            settings[f"{way}_client_ca_file"] = f"{names.OTLP_DIR}/{way}/client-ca.crt"
    if otlp.bearer_token_secret_ref is not None:
        settings["otlp_bearer_token_file"] = f"{names.OTLP_DIR}/bearer-token"
    return settings


def _way(protocol: str) -> str:
    """The prefix of the exporter's settings for one protocol; its files have a folder of the same name."""
    return f"otlp_{protocol}"


def _workers(resource: Resource) -> int:
    """As many as the exporter itself would run with the CPUs and the memory of the resource."""
    limits, requests = ((resource.workload.resources or {}).get(kind, {}) for kind in ("limits", "requests"))
    cpus = quantity.rounded_up(limits.get("cpu", requests.get("cpu", 1)))
    memory = _memory_limit(resource)
    return sizing.workers(cpus, process.in_flight_bytes(memory), memory)


def _memory_limit(resource: Resource) -> int | None:
    limit = (resource.workload.resources or {}).get("limits", {}).get("memory")
    return None if limit is None else quantity.whole(limit)


def _grace_seconds(resource: Resource) -> int:
    wanted = resource.workload.pod_template.termination_grace_period_seconds
    if wanted is not None:
        return wanted
    return PRE_STOP_SECONDS + math.ceil(resource.options.request_timeout.total_seconds()) + 10


def _volumes(resource: Resource) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Name, folder and sources of each volume that has sources."""
    volumes = [
        (names.CREDENTIALS_VOLUME, names.CREDENTIALS_DIR, credential_sources(resource)),
        (names.OTLP_VOLUME, names.OTLP_DIR, _otlp_sources(resource)),
    ]
    return [volume for volume in volumes if volume[2]]


def _otlp_sources(resource: Resource) -> list[dict[str, Any]]:
    """The sources of the certificates and the token that OTLP is served with; each protocol has a folder of its own."""
    sources: list[dict[str, Any]] = []
    for protocol, _, server in resource.workload.otlp.served:
        way = _way(protocol)
        if server.tls_secret_ref is not None:
            files = {key: f"{way}/{key}" for key in ("tls.crt", "tls.key")}
            sources.append(_secret(server.tls_secret_ref.name, files))
        if (authority := server.client_ca_secret_ref) is not None:
            sources.append(_secret(authority.name, {authority.key: f"{way}/client-ca.crt"}))
    if (token := resource.workload.otlp.bearer_token_secret_ref) is not None:
        sources.append(_secret(token.name, {token.key: "bearer-token"}))
    return sources


def credential_sources(resource: Resource) -> list[dict[str, Any]]:
    """The projected volume's sources: each key of a Secret under the file name that the exporter reads."""
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


def mounted(resource: Resource) -> tuple[Source, ...]:
    """Every key of a Secret or ConfigMap that the pods mount."""
    kinds = {"secret": "Secret", "configMap": "ConfigMap"}
    return tuple(
        Source(kinds[field], projection["name"], item["key"])
        for _, _, sources in _volumes(resource)
        for source in sources
        for field, projection in source.items()
        for item in projection["items"]
    )


def _required_files(resource: Resource) -> tuple[str, ...]:
    """The files that the exporter waits for: every file of the mounts, whether its Secret exists or not."""
    return tuple(
        f"{folder}/{item['path']}"
        for _, folder, sources in _volumes(resource)
        for source in sources
        for projection in source.values()
        for item in projection["items"]
    )


def _secret(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    """A Secret as a source. It is optional: without it the pod still starts, and the exporter names the file it waits for."""
    items = [{"key": key, "path": path} for key, path in files.items()]
    return {"secret": {"name": name, "items": items, "optional": True}}


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
