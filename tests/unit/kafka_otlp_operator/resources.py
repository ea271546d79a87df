"""Resources for the unit tests."""

from __future__ import annotations

from typing import Any

from kafka_otlp_operator.resource.spec import Resource, parse

SASL = {
    "mechanism": "SCRAM-SHA-512",
    "username": "edge",
    "passwordSecretRef": {"name": "edge-kafka", "key": "password"},
}
SECURE: dict[str, Any] = {
    "securityProtocol": "SASL_SSL",
    "sasl": SASL,
    "tls": {"caSecretRef": {"name": "kafka-ca", "key": "ca.crt"}},
}


def raw(spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A resource as the API server returns it, with brokers and the fields of ``spec``."""
    return {
        "apiVersion": "kafka-otlp.dev/v1alpha1",
        "kind": "KafkaOtlpExporter",
        "metadata": {"name": "edge", "namespace": "telemetry", "uid": "uid-1", "generation": 1, **metadata},
        "spec": {"brokers": ["kafka:9092"], **(spec or {})},
    }


def resource(generation: int = 1, /, **spec: Any) -> Resource:
    """The same, parsed."""
    return parse(raw(spec, generation=generation))
