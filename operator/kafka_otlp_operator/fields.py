"""The fields of the custom resource that are no options of the exporter: credentials and workload, as models.

``spec`` reads them, ``crd`` makes schema and descriptions from them. A field whose type is Kubernetes' own carries the
name of that type under ``KUBERNETES_TYPE``; its schema comes from the Kubernetes client. Pure.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from kafka_otlp_exporter.values import SaslMechanism

KUBERNETES_TYPE = "x-kubernetes-type"

# preStop keeps a pod serving this long, until every client's proxy has learnt that it goes.
PRE_STOP_SECONDS = 5
# What is left between the exporter's own deadline and Kubernetes' kill.
MARGIN_SECONDS = 3
MIN_GRACE_SECONDS = PRE_STOP_SECONDS + MARGIN_SECONDS + 2

ObjectName = Annotated[str, Field(min_length=1, max_length=253)]
Key = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
Label = Annotated[str, Field(max_length=63)]


def _kubernetes(type_name: str, *, map_keys: tuple[str, ...] = ()) -> JsonDict:
    """Mark a field as of Kubernetes' own type; a list of them is merged by its map keys."""
    marked: JsonDict = {KUBERNETES_TYPE: type_name}
    if map_keys:
        marked |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(map_keys)}
    return marked


class _Fields(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True, strict=True
    )


class SecretKeyRef(_Fields):
    """One key of a Secret in the resource's own namespace."""

    name: Annotated[ObjectName, Field(description="Name of the Secret, in the resource's own namespace.")]
    key: Annotated[Key, Field(description="Key inside the Secret.")]


class ConfigMapKeyRef(_Fields):
    """One key of a ConfigMap in the resource's own namespace."""

    name: Annotated[ObjectName, Field(description="Name of the ConfigMap, in the resource's own namespace.")]
    key: Annotated[Key, Field(description="Key inside the ConfigMap.")]


class CertificateRef(_Fields):
    """A Secret of type kubernetes.io/tls."""

    name: Annotated[
        ObjectName,
        Field(description="Name of a Secret with the keys tls.crt and tls.key, in the resource's own namespace."),
    ]


class Sasl(_Fields):
    """How the exporter proves to Kafka who it is."""

    mechanism: Annotated[SaslMechanism, Field(description="SASL mechanism.")]
    username: Annotated[
        str | None, Field(min_length=1, max_length=256, description="User name. Either this or usernameSecretRef.")
    ] = None
    username_secret_ref: Annotated[
        SecretKeyRef | None, Field(description="Key of a Secret that holds the user name. Either this or username.")
    ] = None
    password_secret_ref: Annotated[
        SecretKeyRef,
        Field(description="Key of a Secret that holds the password. A password never stands in the resource itself."),
    ]


class Tls(_Fields):
    """How the exporter and Kafka's brokers prove to each other who they are."""

    ca_secret_ref: Annotated[
        SecretKeyRef | None,
        Field(
            description="Key of a Secret that holds the certificates of the authorities which the brokers' "
            "certificates are checked against (PEM). Default: those of the exporter's image."
        ),
    ] = None
    ca_config_map_ref: Annotated[
        ConfigMapKeyRef | None,
        Field(description="The same, from a ConfigMap. Either this or caSecretRef."),
    ] = None
    client_cert_secret_ref: Annotated[
        CertificateRef | None,
        Field(description="Client certificate and key for brokers that ask for one (mutual TLS)."),
    ] = None


class ServiceType(StrEnum):
    """Kubernetes Service types that make sense here."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class Service(_Fields):
    """The Service in front of the exporter's pods."""

    type: Annotated[ServiceType, Field(description="Type of the Service. Default: ClusterIP.")] = ServiceType.CLUSTER_IP
    annotations: Annotated[
        dict[str, str], Field(description="Annotations of the Service, for example for a cloud's load balancer.")
    ] = {}


class PodTemplate(_Fields):
    """What the exporter's pods have beside what the operator gives them."""

    labels: Annotated[
        dict[str, Label],
        Field(description="Further labels of the pods. Labels that the operator sets itself stay as they are."),
    ] = {}
    annotations: Annotated[dict[str, str], Field(description="Further annotations of the pods.")] = {}
    node_selector: Annotated[dict[str, str], Field(description="Labels that a node must have.")] = {}
    tolerations: Annotated[
        tuple[dict[str, Any], ...],
        Field(description="Taints of nodes that the pods tolerate.", json_schema_extra=_kubernetes("V1Toleration")),
    ] = ()
    affinity: Annotated[
        dict[str, Any] | None,
        Field(
            description="Which nodes, and which neighbours, the pods prefer or need.",
            json_schema_extra=_kubernetes("V1Affinity"),
        ),
    ] = None
    topology_spread_constraints: Annotated[
        tuple[dict[str, Any], ...] | None,
        Field(
            description="How the pods are spread over nodes and zones. Default: over nodes, as evenly as possible, "
            "without keeping a pod from starting. An empty list switches that off.",
            json_schema_extra=_kubernetes("V1TopologySpreadConstraint", map_keys=("topologyKey", "whenUnsatisfiable")),
        ),
    ] = None
    priority_class_name: Annotated[
        ObjectName | None, Field(description="PriorityClass of the pods. Default: the cluster's.")
    ] = None
    termination_grace_period_seconds: Annotated[
        int | None,
        Field(
            ge=MIN_GRACE_SECONDS,
            le=3600,
            description="Seconds from the order to stop a pod until Kubernetes kills it. Calls that wait for Kafka "
            f"have this, less {PRE_STOP_SECONDS + MARGIN_SECONDS} s, to be answered. "
            "Default: 15 s more than requestTimeout.",
        ),
    ] = None
    env: Annotated[
        tuple[dict[str, Any], ...],
        Field(
            description="Further environment variables of the exporter. Names that start with KAFKA_EXPORTER_ are "
            "refused: they are the operator's.",
            max_length=128,
            json_schema_extra=_kubernetes("V1EnvVar", map_keys=("name",)),
        ),
    ] = ()


class PullPolicy(StrEnum):
    """When a node pulls the image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class Workload(_Fields):
    """The fields of ``spec`` that are no options of the exporter."""

    replicas: Annotated[
        int, Field(ge=0, le=1000, description="Number of exporter pods. Default: 1. 0 stops them all.")
    ] = 1
    sasl: Annotated[
        Sasl | None,
        Field(description="Credentials for Kafka: needed with securityProtocol SASL_SSL and SASL_PLAINTEXT."),
    ] = None
    tls: Annotated[Tls | None, Field(description="Certificates, where securityProtocol is SSL or SASL_SSL.")] = None
    image: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1024,
            description="Image of the exporter. Default: that of the operator's own version.",
        ),
    ] = None
    image_pull_policy: Annotated[
        PullPolicy | None,
        Field(
            description="When a node pulls the image. Default: Kubernetes' own (IfNotPresent, but Always for :latest)."
        ),
    ] = None
    image_pull_secrets: Annotated[
        tuple[dict[str, Any], ...],
        Field(
            description="Secrets with the credentials of the image's registry.",
            json_schema_extra=_kubernetes("V1LocalObjectReference", map_keys=("name",)),
        ),
    ] = ()
    resources: Annotated[
        dict[str, Any] | None,
        Field(
            description="CPU and memory of the exporter's container. With a memory limit, an eighth of it, and at "
            "least 4 MiB, is what the exporter holds of telemetry at one time; beyond that it asks clients to wait.",
            json_schema_extra=_kubernetes("V1ResourceRequirements"),
        ),
    ] = None
    service: Annotated[Service, Field(description="The Service in front of the pods.")] = Service()
    pod_template: Annotated[
        PodTemplate, Field(description="What the pods have beside what the operator gives them.")
    ] = PodTemplate()
