"""The fields of the custom resource that say who reaches the pods, where and how, and whom the pods reach. Pure.

``fields`` puts them into ``spec``; ``manifests``, ``template`` and ``policies`` make objects of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from kafka_otlp_exporter.config import settings
from kafka_otlp_operator import names
from kafka_otlp_operator.resource.parts import CertificateRef, Fields, Label, SecretKeyRef, kubernetes

# Ports below need a right that the pods do not have.
_FIRST_PORT = 1024
_LAST_PORT = 65_535

Port = Annotated[int, Field(ge=_FIRST_PORT, le=_LAST_PORT)]


class ServiceType(StrEnum):
    """Kubernetes Service types that make sense here."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class Service(Fields):
    """The Service in front of the exporter's pods."""

    type: Annotated[ServiceType, Field(description="Type of the Service. Default: ClusterIP.")] = ServiceType.CLUSTER_IP
    annotations: Annotated[
        dict[str, str], Field(description="Annotations of the Service, for example for a cloud's load balancer.")
    ] = Field(default_factory=dict)


class OtlpServer(Fields):
    """One of the two ways in: OTLP/gRPC or OTLP/HTTP."""

    enabled: Annotated[bool, Field(description="Whether it is served. Default: true.")] = True
    port: Annotated[
        Port | None,
        Field(description="Port of the pods and of the Service. Default: 4317 for gRPC, 4318 for HTTP."),
    ] = None
    max_request_bytes: Annotated[
        int | None,
        Field(
            ge=settings.LEAST_REQUEST,
            le=settings.LARGEST_REQUEST,
            description="Largest request that is accepted, in bytes after decompression; a larger one is refused for good. "
            "Never more than a quarter of what is held at one time (see resources). Default: 67108864 (64 MiB).",
        ),
    ] = None
    tls_secret_ref: Annotated[
        CertificateRef | None,
        Field(
            description="Certificate and key to serve it with TLS. A changed Secret is taken up without a restart. "
            "Default: plain text."
        ),
    ] = None
    client_ca_secret_ref: Annotated[
        SecretKeyRef | None,
        Field(
            description="Key of a Secret that holds the certificates of the authorities which clients' certificates are "
            "checked against (PEM); a client without such a certificate is refused. Needs tlsSecretRef."
        ),
    ] = None


class Served(NamedTuple):
    """One protocol that is switched on, ``grpc`` or ``http``, and the port of the pods and of the Service for it."""

    protocol: str
    port: int
    server: OtlpServer


OTLP_PORTS: Mapping[str, int] = {"grpc": names.OTLP_GRPC_PORT, "http": names.OTLP_HTTP_PORT}


class Otlp(Fields):
    """How OTLP is taken from clients."""

    grpc: Annotated[OtlpServer, Field(description="OTLP/gRPC.")] = OtlpServer()
    http: Annotated[OtlpServer, Field(description="OTLP/HTTP.")] = OtlpServer()
    bearer_token_secret_ref: Annotated[
        SecretKeyRef | None,
        Field(
            description="Key of a Secret that holds a token; clients have to send it, as 'authorization: Bearer' and the "
            "token. Default: clients need none."
        ),
    ] = None

    @property
    def servers(self) -> Mapping[str, OtlpServer]:
        """Both protocols, also one that is switched off."""
        return {"grpc": self.grpc, "http": self.http}

    @property
    def served(self) -> tuple[Served, ...]:
        """The protocols that are switched on, gRPC first."""
        return tuple(
            Served(protocol, server.port or OTLP_PORTS[protocol], server)
            for protocol, server in self.servers.items()
            if server.enabled
        )


class NetworkPolicy(Fields):
    """What the network lets through to the pods, and from them."""

    enabled: Annotated[
        bool,
        Field(
            description="Whether there is a NetworkPolicy: it lets OTLP and the port of metrics and probes (9464) in, and "
            "lets the pods reach the ports of brokers, on any host, and DNS. Default: true, where this object is there."
        ),
    ] = True
    ingress_from: Annotated[
        tuple[dict[str, Any], ...],
        Field(
            description="Who may send OTLP. Default: everybody.",
            max_length=64,
            json_schema_extra=kubernetes("V1NetworkPolicyPeer"),
        ),
    ] = ()
    broker_ports: Annotated[
        tuple[Annotated[int, Field(ge=1, le=_LAST_PORT)], ...],
        Field(
            description="Further ports on which the pods may reach brokers: those that Kafka advertises, where they are "
            "others than in brokers.",
            max_length=64,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = ()


class PodMonitor(Fields):
    """The object that has a Prometheus operator scrape the pods."""

    enabled: Annotated[
        bool, Field(description="Whether there is a PodMonitor. Default: true, where this object is there.")
    ] = True
    interval: Annotated[
        str | None,
        Field(
            pattern=r"^[1-9][0-9]{0,5}(ms|s|m|h)$",
            max_length=8,
            description="How often the pods are scraped, such as 30s. Default: Prometheus' own.",
        ),
    ] = None
    labels: Annotated[
        dict[str, Label],
        Field(description="Further labels of the PodMonitor, by which a Prometheus may choose what it scrapes."),
    ] = Field(default_factory=dict)


class Metrics(Fields):
    """How the pods' metrics are found."""

    pod_monitor: Annotated[
        PodMonitor | None,
        Field(
            description="A PodMonitor for the pods; it is made where the API server has that kind, which comes with the "
            "Prometheus operator."
        ),
    ] = None
