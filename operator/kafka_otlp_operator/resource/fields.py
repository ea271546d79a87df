"""The fields of the custom resource that are no options of the exporter: credentials and workload, as models. Pure.

Reading, schema and descriptions come from the same model. A field with a type of Kubernetes carries the name of that
type under ``parts.KUBERNETES_TYPE``; its schema comes from the Kubernetes client.
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
    Label,
    ObjectName,
    SecretKeyRef,
    SpecObject,
    kubernetes,
)
from kafka_otlp_operator.resource.scaling import PodDisruptionBudget, Scaling

# preStop keeps a pod serving for this long, so that the proxies of all clients learn of its end before it stops.
PRE_STOP_SECONDS = 5
# Time between the exporter's own deadline and the kill by Kubernetes.
MARGIN_SECONDS = 3
MIN_GRACE_SECONDS = PRE_STOP_SECONDS + MARGIN_SECONDS + 2


class Sasl(SpecObject):
    """How the exporter authenticates to Kafka."""

    mechanism: Annotated[SaslMechanism, Field(description="SASL mechanism.")]
    username: Annotated[
        str | None, Field(min_length=1, max_length=256, description="User name. Set either this or usernameSecretRef.")
    ] = None
    username_secret_ref: Annotated[
        SecretKeyRef | None, Field(description="Key of a Secret that holds the user name. Set either this or username.")
    ] = None
    password_secret_ref: Annotated[
        SecretKeyRef,
        Field(description="Key of a Secret that holds the password. The resource itself never holds a password."),
    ]


class Tls(SpecObject):
    """How the exporter and Kafka's brokers authenticate to each other."""

    ca_secret_ref: Annotated[
        SecretKeyRef | None,
        Field(
            description="Key of a Secret that holds the certificate authorities of the brokers (PEM). Default: those of "
            "the exporter's image."
        ),
    ] = None
    ca_config_map_ref: Annotated[
        ConfigMapKeyRef | None,
        Field(description="The same, from a ConfigMap. Set either this or caSecretRef."),
    ] = None
    client_cert_secret_ref: Annotated[
        CertificateRef | None,
        Field(
            description="Client certificate and key for brokers that ask for one (mutual TLS). Default: the exporter "
            "presents no certificate."
        ),
    ] = None


class PodTemplate(SpecObject):
    """What the exporter's pods have in addition to what the operator gives them."""

    labels: Annotated[
        dict[str, Label],
        Field(
            description="Further labels of the pods. They cannot change the labels that the operator sets. Default: none."
        ),
    ] = Field(default_factory=dict)
    annotations: Annotated[dict[str, str], Field(description="Further annotations of the pods. Default: none.")] = (
        Field(default_factory=dict)
    )
    node_selector: Annotated[dict[str, str], Field(description="Labels that a node must have. Default: none.")] = Field(
        default_factory=dict
    )
    tolerations: Annotated[
        tuple[dict[str, Any], ...],
        Field(
            description="Taints of nodes that the pods tolerate. Default: none.",
            json_schema_extra=kubernetes("V1Toleration"),
        ),
    ] = ()
    affinity: Annotated[
        dict[str, Any] | None,
        Field(
            description="Which nodes, and which other pods beside them, the pods prefer or need. Default: none.",
            json_schema_extra=kubernetes("V1Affinity"),
        ),
    ] = None
    topology_spread_constraints: Annotated[
        tuple[dict[str, Any], ...] | None,
        Field(
            description="How the scheduler spreads the pods over nodes and zones. An empty list: not at all. Default: over "
            "nodes, as evenly as possible, but an uneven spread keeps no pod from starting.",
            json_schema_extra=kubernetes("V1TopologySpreadConstraint", map_keys=("topologyKey", "whenUnsatisfiable")),
        ),
    ] = None
    priority_class_name: Annotated[
        ObjectName | None, Field(description="PriorityClass of the pods. Default: that of the cluster.")
    ] = None
    termination_grace_period_seconds: Annotated[
        int | None,
        Field(
            ge=MIN_GRACE_SECONDS,
            le=3600,
            description="Seconds from the order to stop a pod until Kubernetes kills it. The exporter has this time, less "
            f"{PRE_STOP_SECONDS + MARGIN_SECONDS} s, to answer the calls that wait for Kafka. "
            "Default: 15 s more than requestTimeout.",
        ),
    ] = None
    env: Annotated[
        tuple[dict[str, Any], ...],
        Field(
            description="Further environment variables of the exporter. Names that start with KAFKA_EXPORTER_ are "
            "refused, because the operator sets those. Default: none.",
            max_length=128,
            json_schema_extra=kubernetes("V1EnvVar", map_keys=("name",)),
        ),
    ] = ()


class CredentialReload(StrEnum):
    """What happens to pods whose Secrets have changed."""

    RELOAD = "Reload"
    RESTART = "Restart"


class PullPolicy(StrEnum):
    """When a node pulls the image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class Workload(SpecObject):
    """The fields of ``spec`` that are no options of the exporter."""

    replicas: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="Number of exporter pods. 0 stops all of them. With scaling.mode External the operator uses it only "
            "when it creates the Deployment; with HPA it never uses it. Default: 1.",
        ),
    ] = 1
    scaling: Annotated[Scaling, Field(description="What sets the number of pods. Default: replicas.")] = Scaling()
    paused: Annotated[
        bool,
        Field(
            description="True: the operator changes none of the resource's objects, even when this resource or the objects "
            "change. It still writes the status. Default: false."
        ),
    ] = False
    sasl: Annotated[
        Sasl | None,
        Field(
            description="Credentials for Kafka. They are needed with securityProtocol SASL_SSL and SASL_PLAINTEXT, and "
            "refused with the others. Default: none."
        ),
    ] = None
    tls: Annotated[
        Tls | None,
        Field(
            description="Certificates, for securityProtocol SSL and SASL_SSL; refused with the others. Default: the "
            "certificate authorities of the exporter's image."
        ),
    ] = None
    credential_reload: Annotated[
        CredentialReload,
        Field(
            description="What happens to pods when a Secret or ConfigMap that they mount changes. Reload: the exporter "
            "takes up the change within two minutes, without a restart, and the operator reads no Secret. Restart: the "
            "operator also replaces the pods, one after the other; the platform's administrator must have enabled this. "
            "Default: Reload."
        ),
    ] = CredentialReload.RELOAD
    image: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1024,
            description="Image of the exporter. Default: the image of the operator's own version.",
        ),
    ] = None
    image_pull_policy: Annotated[
        PullPolicy | None,
        Field(
            description="When a node pulls the image. Default: that of Kubernetes (IfNotPresent, but Always for :latest)."
        ),
    ] = None
    image_pull_secrets: Annotated[
        tuple[dict[str, Any], ...],
        Field(
            description="Secrets with the credentials of the image's registry. Default: none.",
            json_schema_extra=kubernetes("V1LocalObjectReference", map_keys=("name",)),
        ),
    ] = ()
    resources: Annotated[
        dict[str, Any] | None,
        Field(
            description="CPU and memory of the exporter's container. The exporter holds telemetry of at most an eighth of "
            "the memory limit at one time, but at least 4 MiB; beyond that it asks clients to wait. It has one worker for "
            "each CPU of limits, or of requests without limits, but at most one for each 256Mi of the memory limit. "
            "Default: none.",
            json_schema_extra=kubernetes("V1ResourceRequirements"),
        ),
    ] = None
    otlp: Annotated[
        Otlp, Field(description="How clients send OTLP to the exporter. Default: OTLP/gRPC and OTLP/HTTP.")
    ] = Otlp()
    service: Annotated[Service, Field(description="The Service in front of the pods. Default: a ClusterIP.")] = (
        Service()
    )
    pod_disruption_budget: Annotated[
        PodDisruptionBudget | None,
        Field(description="How many pods a drain of nodes may evict at one time. Default: no limit."),
    ] = None
    network_policy: Annotated[
        NetworkPolicy | None,
        Field(
            description="The traffic that the network allows to the pods and from them. Default: the traffic that the "
            "namespace's own policies allow."
        ),
    ] = None
    metrics: Annotated[
        Metrics, Field(description="How Prometheus finds the pods' metrics. Default: no PodMonitor.")
    ] = Metrics()
    pod_template: Annotated[
        PodTemplate,
        Field(description="What the pods have in addition to what the operator gives them. Default: nothing."),
    ] = PodTemplate()
