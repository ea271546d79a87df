"""The fields of the custom resource about the network: who reaches the pods, on which ports, and whom the pods reach.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from kafka_otlp_exporter.config import settings
from kafka_otlp_operator import names
from kafka_otlp_operator.resource.parts import CertificateRef, Label, SecretKeyRef, SpecObject, kubernetes

# A lower port needs a capability that the pods do not have.
_FIRST_PORT = 1024
_LAST_PORT = 65_535

# The two ways in and their default ports.
OTLP_PORTS: Mapping[str, int] = {"grpc": names.OTLP_GRPC_PORT, "http": names.OTLP_HTTP_PORT}

Port = Annotated[int, Field(ge=_FIRST_PORT, le=_LAST_PORT)]


class ServiceType(StrEnum):
    """The types of a Kubernetes Service that make sense here."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class Service(SpecObject):
    """The Service in front of the exporter's pods."""

    type: Annotated[ServiceType, Field(description="Type of the Service. Default: ClusterIP.")] = ServiceType.CLUSTER_IP
    annotations: Annotated[
        dict[str, str],
        Field(description="Annotations of the Service, for example for a cloud's load balancer. Default: none."),
    ] = Field(default_factory=dict)


class OtlpServer(SpecObject):
    """One of the two ways in: OTLP/gRPC or OTLP/HTTP."""

    enabled: Annotated[bool, Field(description="Whether the exporter serves it. Default: true.")] = True
    port: Annotated[
        Port | None,
        Field(
            description="Port of the pods and of the Service. "
            f"Default: {names.OTLP_GRPC_PORT} for gRPC, {names.OTLP_HTTP_PORT} for HTTP."
        ),
    ] = None
    max_request_bytes: Annotated[
        int | None,
        Field(
            ge=settings.LEAST_REQUEST,
            le=settings.LARGEST_REQUEST,
            description="Largest request that the exporter accepts, in bytes after decompression. A client that sends a "
            "larger one is told not to send it again. The limit is never more than a quarter of what the exporter holds at "
            f"one time (see resources). Default: {settings.LARGEST_REQUEST} (64 MiB).",
        ),
    ] = None
    tls_secret_ref: Annotated[
        CertificateRef | None,
        Field(
            description="Certificate and key to serve it with TLS. The exporter takes up a changed Secret without a restart. "
            "Default: plain text."
        ),
    ] = None
    client_ca_secret_ref: Annotated[
        SecretKeyRef | None,
        Field(
            description="Key of a Secret that holds the certificate authorities of clients (PEM). A client without a "
            "certificate of one of them is refused. Needs tlsSecretRef. Default: clients need no certificate."
        ),
    ] = None


class Served(NamedTuple):
    """One protocol that is switched on, ``grpc`` or ``http``, and the port of the pods and of the Service for it."""

    protocol: str
    port: int
    server: OtlpServer


class Otlp(SpecObject):
    """How clients send OTLP to the exporter."""

    grpc: Annotated[OtlpServer, Field(description="OTLP/gRPC. Default: on.")] = OtlpServer()
    http: Annotated[OtlpServer, Field(description="OTLP/HTTP. Default: on.")] = OtlpServer()
    bearer_token_secret_ref: Annotated[
        SecretKeyRef | None,
        Field(
            description="Key of a Secret that holds a token. Clients must send it as 'authorization: Bearer <token>'. "
            "Default: clients need no token."
        ),
    ] = None

    @property
    def servers(self) -> Mapping[str, OtlpServer]:
        """Both protocols, also one that is switched off."""
        return {"grpc": self.grpc, "http": self.http}

    @property
    def ports(self) -> Mapping[str, int]:
        """The port of each protocol, also of one that is switched off."""
        return {protocol: server.port or OTLP_PORTS[protocol] for protocol, server in self.servers.items()}

    @property
    def served(self) -> tuple[Served, ...]:
        """The protocols that are switched on, gRPC first."""
        return tuple(
            Served(protocol, self.ports[protocol], server)
            for protocol, server in self.servers.items()
            if server.enabled
        )


class NetworkPolicy(SpecObject):
    """The traffic that the network allows to the pods, and from them."""

    enabled: Annotated[
        bool,
        Field(
            description="Whether the operator makes a NetworkPolicy. It allows OTLP and the port of metrics and probes "
            f"({names.ADMIN_PORT}) in; it allows the pods to reach the ports of the brokers, on any host, and DNS. "
            "Default: true, when networkPolicy is set."
        ),
    ] = True
    ingress_from: Annotated[
        tuple[dict[str, Any], ...],
        Field(
            description="Which pods and addresses may send OTLP. Default: all.",
            max_length=64,
            json_schema_extra=kubernetes("V1NetworkPolicyPeer"),
        ),
    ] = ()
    broker_ports: Annotated[
        tuple[Annotated[int, Field(ge=1, le=_LAST_PORT)], ...],
        Field(
            description="Further ports on which the pods may reach brokers: those that Kafka advertises, where they differ "
            "from the ports in brokers. Default: none.",
            max_length=64,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = ()


class PodMonitor(SpecObject):
    """The object by which a Prometheus operator scrapes the pods."""

    enabled: Annotated[
        bool, Field(description="Whether the operator makes a PodMonitor. Default: true, when podMonitor is set.")
    ] = True
    interval: Annotated[
        str | None,
        Field(
            pattern=r"^[1-9][0-9]{0,5}(ms|s|m|h)$",
            max_length=8,
            description="How often Prometheus scrapes the pods, such as 30s. Default: the interval of Prometheus.",
        ),
    ] = None
    labels: Annotated[
        dict[str, Label],
        Field(description="Further labels of the PodMonitor. A Prometheus may select by them. Default: none."),
    ] = Field(default_factory=dict)


class Metrics(SpecObject):
    """How Prometheus finds the pods' metrics."""

    pod_monitor: Annotated[
        PodMonitor | None,
        Field(
            description="A PodMonitor for the pods. The operator makes it only where the API server has that kind; the "
            "Prometheus operator installs it. Default: no PodMonitor."
        ),
    ] = None
