"""The fields of the custom resource that are no options of the exporter: credentials and workload, as models.

``spec`` reads them, ``crd`` makes schema and descriptions from them. A field whose type is Kubernetes' own carries the
name of that type under ``parts.KUBERNETES_TYPE``; its schema comes from the Kubernetes client. Pure.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from kafka_otlp_exporter.config.values import SaslMechanism
from kafka_otlp_operator.resource.access_fields import Metrics, NetworkPolicy, Otlp, Service
from kafka_otlp_operator.resource.parts import (
    CertificateRef,
    ConfigMapKeyRef,
    Fields,
    Label,
    ObjectName,
    SecretKeyRef,
    kubernetes,
)
from kafka_otlp_operator.resource.scaling import PodDisruptionBudget, Scaling

# preStop keeps a pod serving this long, until every client's proxy has learnt that it goes.
PRE_STOP_SECONDS = 5
# What is left between the exporter's own deadline and Kubernetes' kill.
MARGIN_SECONDS = 3
MIN_GRACE_SECONDS = PRE_STOP_SECONDS + MARGIN_SECONDS + 2


class Sasl(Fields):
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


class Tls(Fields):
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


class PodTemplate(Fields):
    """What the exporter's pods have beside what the operator gives them."""

    labels: Annotated[
        dict[str, Label],
        Field(description="Further labels of the pods. Labels that the operator sets itself stay as they are."),
    ] = Field(default_factory=dict)
    annotations: Annotated[dict[str, str], Field(description="Further annotations of the pods.")] = Field(
        default_factory=dict
    )
    node_selector: Annotated[dict[str, str], Field(description="Labels that a node must have.")] = Field(
        default_factory=dict
    )
    tolerations: Annotated[
        tuple[dict[str, Any], ...],
        Field(description="Taints of nodes that the pods tolerate.", json_schema_extra=kubernetes("V1Toleration")),
    ] = ()
    affinity: Annotated[
        dict[str, Any] | None,
        Field(
            description="Which nodes, and which neighbours, the pods prefer or need.",
            json_schema_extra=kubernetes("V1Affinity"),
        ),
    ] = None
    topology_spread_constraints: Annotated[
        tuple[dict[str, Any], ...] | None,
        Field(
            description="How the pods are spread over nodes and zones. Default: over nodes, as evenly as possible, "
            "without keeping a pod from starting. An empty list switches that off.",
            json_schema_extra=kubernetes("V1TopologySpreadConstraint", map_keys=("topologyKey", "whenUnsatisfiable")),
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
            json_schema_extra=kubernetes("V1EnvVar", map_keys=("name",)),
        ),
    ] = ()


class CredentialReload(StrEnum):
    """What becomes of pods whose Secrets have changed."""

    RELOAD = "Reload"
    RESTART = "Restart"


class PullPolicy(StrEnum):
    """When a node pulls the image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class Workload(Fields):
    """The fields of ``spec`` that are no options of the exporter."""

    replicas: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="Number of exporter pods. 0 stops them all. With scaling.mode External it counts only until the "
            "Deployment is there, with HPA not at all. Default: 1.",
        ),
    ] = 1
    scaling: Annotated[Scaling, Field(description="Who says how many pods there are. Default: replicas.")] = Scaling()
    paused: Annotated[
        bool,
        Field(
            description="True: the operator changes nothing of what runs, whatever this resource says and whatever "
            "happens to its objects, until it is taken back; the status goes on. Default: false."
        ),
    ] = False
    sasl: Annotated[
        Sasl | None,
        Field(description="Credentials for Kafka: needed with securityProtocol SASL_SSL and SASL_PLAINTEXT."),
    ] = None
    tls: Annotated[Tls | None, Field(description="Certificates, where securityProtocol is SSL or SASL_SSL.")] = None
    credential_reload: Annotated[
        CredentialReload,
        Field(
            description="What becomes of pods when a Secret or ConfigMap that they mount has changed. Reload: the exporter "
            "takes it up within two minutes, without a restart, and the operator reads no Secret. Restart: the pods are "
            "replaced as well, one after the other; the platform's administrator has to offer it. Default: Reload."
        ),
    ] = CredentialReload.RELOAD
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
            json_schema_extra=kubernetes("V1LocalObjectReference", map_keys=("name",)),
        ),
    ] = ()
    resources: Annotated[
        dict[str, Any] | None,
        Field(
            description="CPU and memory of the exporter's container. With a memory limit, an eighth of it, and at "
            "least 4 MiB, is what the exporter holds of telemetry at one time; beyond that it asks clients to wait. It "
            "has one worker for each CPU of limits, else of requests, and at most one for each 256Mi of the memory "
            "limit.",
            json_schema_extra=kubernetes("V1ResourceRequirements"),
        ),
    ] = None
    otlp: Annotated[Otlp, Field(description="How OTLP is taken from clients.")] = Otlp()
    service: Annotated[Service, Field(description="The Service in front of the pods.")] = Service()
    pod_disruption_budget: Annotated[
        PodDisruptionBudget | None,
        Field(description="How many pods may be missing while nodes are drained. Default: nothing guards them."),
    ] = None
    network_policy: Annotated[
        NetworkPolicy | None,
        Field(
            description="What the network lets through to the pods and from them. Default: whatever the namespace's "
            "own policies let through."
        ),
    ] = None
    metrics: Annotated[Metrics, Field(description="How the pods' metrics are found.")] = Metrics()
    pod_template: Annotated[
        PodTemplate, Field(description="What the pods have beside what the operator gives them.")
    ] = PodTemplate()
