"""Every name that the operator gives: API group, objects, labels, ports, folders. Pure.

A name that two modules need stands here, so that it is spelt once.
"""

from __future__ import annotations

from collections.abc import Mapping

from kafka_otlp_exporter.config import settings as exporter

GROUP = "kafka-otlp.dev"
SERVED_VERSION = "v1alpha1"  # of the API; the program's version is settings.VERSION
API_VERSION = f"{GROUP}/{SERVED_VERSION}"
KIND = "KafkaOtlpExporter"
PLURAL = "kafkaotlpexporters"

OPERATOR = "kafka-otlp-operator"  # field manager, and the value of the managed-by label
SCALER = "kafka-otlp-operator-scale"  # field manager that keeps a number of pods which the operator no longer applies
EXPORTER = "kafka-otlp-exporter"
CONTAINER = "exporter"

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
NAME = "app.kubernetes.io/name"

OTLP_GRPC_PORT = exporter.OTLP_GRPC_PORT
OTLP_HTTP_PORT = exporter.OTLP_HTTP_PORT
ADMIN_PORT = exporter.ADMIN_PORT

CREDENTIALS_HASH = f"{GROUP}/credentials-hash"
CREDENTIALS_VOLUME = "credentials"
CREDENTIALS_DIR = "/etc/kafka-otlp/credentials"
OTLP_VOLUME = "otlp"
OTLP_DIR = "/etc/kafka-otlp/otlp"

# A label holds 63 characters. Kubernetes needs the other 11 for the suffixes of ReplicaSets and pods.
NAME_MAX_LENGTH = 52
NAME_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
NAME_ALLOWED = (
    f"at most {NAME_MAX_LENGTH} lower-case letters, digits and '-', the first a letter and the last not '-': "
    "the Service has the same name"
)


def selector(name: str) -> Mapping[str, str]:
    """The labels that select the pods of the resource ``name``. They must never change: a Deployment's selector is immutable."""
    return {INSTANCE: name, NAME: EXPORTER}


def labels(name: str) -> Mapping[str, str]:
    """The labels of every object that the operator makes for the resource ``name``.

    None of them holds a version: each new version of the operator would restart every pod.
    """
    return {**selector(name), MANAGED_BY: OPERATOR, "app.kubernetes.io/part-of": "kafka-otlp"}


def selector_text(name: str) -> str:
    """The selector as ``kubectl get pods -l`` and the scale subresource take it."""
    return ",".join(f"{key}={value}" for key, value in selector(name).items())


def endpoint(name: str, namespace: str, port: int = OTLP_GRPC_PORT) -> str:
    """The address to which clients inside the cluster send OTLP: host and port of the Service."""
    return f"{name}.{namespace}.svc:{port}"
