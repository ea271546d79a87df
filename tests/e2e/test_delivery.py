"""From ``kubectl apply`` to records in Kafka."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kafka_otlp_operator.names import API_VERSION, KIND
from tests.e2e import kubectl as cluster
from tests.e2e.client import Client
from tests.e2e.kafka import Kafka
from tests.e2e.kubectl import Namespace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TOPICS = {"traces": "otlp_traces", "metrics": "otlp_metrics", "logs": "otlp_logs"}


def test_the_operator_runs_with_the_rights_of_its_manifest_alone(operator: Namespace):
    """Pod Security restricted is enforced around it, it is ready, and Secrets are closed to it."""
    found = operator.get("namespace", "kafka-otlp") or {}
    assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    deployment = operator.get("deployment", "kafka-otlp-operator") or {}
    assert deployment["status"]["readyReplicas"] == deployment["spec"]["replicas"] == 2
    account = "--as=system:serviceaccount:kafka-otlp:kafka-otlp-operator"
    allowed = operator.kubectl("auth", "can-i", "--list", account, "--no-headers")
    assert "secrets" not in allowed
    assert "*" not in "".join(line for line in allowed.splitlines() if "deployments" in line or "services" in line)


def test_a_minimal_resource_takes_telemetry_to_kafka(namespace: Namespace, kafka: Kafka, client: Client):
    """examples/minimal.yaml: what the SDK sends from another namespace is in Kafka, value for value."""
    namespace.apply_example("minimal", brokers=kafka.plain if kafka.plain != "kafka.kafka.svc:9092" else None)
    namespace.wait_ready("edge")
    pod = namespace.pods("edge")[0]
    assert pod["spec"]["containers"][0]["image"].endswith(_operator_image_of_exporter())
    assert_round_trip(client, namespace, "edge", kafka, TOPICS)


def test_a_missing_secret_and_a_wrong_password_are_told_and_healed(namespace: Namespace, kafka: Kafka, client: Client):
    """examples/sasl-tls.yaml over SASL_SSL: nothing but the Secret is touched, and the pods stay the same."""
    waits_for_its_secret(namespace, kafka)
    before = {pod["metadata"]["name"] for pod in namespace.pods("secure")}
    refused(namespace, kafka)
    give_password(namespace, kafka.password)
    namespace.wait_ready("secure", seconds=180)
    assert {pod["metadata"]["name"] for pod in namespace.pods("secure")} == before
    assert_round_trip(client, namespace, "secure", kafka, TOPICS)


def waits_for_its_secret(namespace: Namespace, kafka: Kafka) -> None:
    """Apply the example without its Secrets, and wait until the resource names what is missing."""
    namespace.apply([found for found in _secured(kafka, password="") if found["kind"] != "Secret"])
    namespace.wait(
        lambda: namespace.condition("secure").get("reason") == "SecretKeyMissing",
        "the condition names what is missing",
        seconds=120,
    )
    assert 'key "password" of Secret "secure-kafka"' in namespace.condition("secure")["message"]


def refused(namespace: Namespace, kafka: Kafka) -> None:
    """Apply the example with a wrong password, and wait until the resource says that this is wrong, and where."""
    namespace.apply(_secured(kafka, password="wrong"))
    namespace.wait(
        lambda: namespace.condition("secure").get("reason") == "AuthenticationFailed",
        "the condition names the cause",
        seconds=120,
    )
    condition = namespace.condition("secure")
    assert condition["status"] == "False"
    assert kafka.username in condition["message"]
    assert 'check key "password" of Secret "secure-kafka"' in condition["message"]


def give_password(namespace: Namespace, password: str) -> None:
    """Correct the Secret."""
    value = base64.b64encode(password.encode()).decode()
    namespace.kubectl("patch", "secret", "secure-kafka", f"--patch={json.dumps({'data': {'password': value}})}")


def test_options_reach_the_producer(namespace: Namespace, kafka: Kafka, client: Client):
    """examples/partitioned.yaml: /status of its pods shows each option as librdkafka was given it."""
    namespace.apply_example("partitioned", brokers=kafka.plain)
    namespace.wait_ready("partitioned")
    url = f"http://partitioned.{namespace.name}.svc:9464/status"
    status = json.loads(client.get(url))
    given = status["producer"]
    assert given["partitioner"] == "murmur2_random"
    assert given["compression.codec"] == "lz4"
    assert given["queue.buffering.max.ms"] == "20"
    assert "request.required.acks" not in given  # it gives way, and librdkafka takes what idempotence needs
    assert given["enable.idempotence"] == "true"
    assert given["sticky.partitioning.linger.ms"] == "50"
    assert given["batch.num.messages"] == "20000"
    topics = {"traces": "team_traces", "metrics": "team_metrics", "logs": "team_logs"}
    assert status["topics"] == topics
    assert_round_trip(client, namespace, "partitioned", kafka, topics)


def test_json_over_http_through_several_workers(namespace: Namespace, kafka: Kafka, client: Client):
    """A pod with two CPUs has two workers; what was posted as OTLP/JSON is JSON in Kafka, with the key that was asked for."""
    spec = {
        "brokers": [kafka.plain],
        "format": "json",
        "logsTopic": "json_logs",
        "partitionKeyAttributes": ["service.name"],
        "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "2", "memory": "512Mi"}},
    }
    namespace.apply([{"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "json"}, "spec": spec}])
    namespace.wait_ready("json")
    service = f"http://json.{namespace.name}.svc"
    assert len(json.loads(client.get(f"{service}:9464/status"))["workers"]) == 2
    said = client.ask(
        "json_over_http", url=f"{service}:4318/v1/logs", client=kafka.client(), topic="json_logs", seconds=60
    )
    assert (said["status"], said["type"], said["answer"]) == (200, "application/json", "{}")
    assert said["value"] == said["sent"]
    # The Collector's MapHash of {"service.name": "checkout"}.
    assert said["key"] == "831d0817d731c2054ac194e9ddcf7e5c"
    assert ["content-type", "application/json"] in said["headers"]


def assert_round_trip(client: Client, namespace: Namespace, name: str, kafka: Kafka, topics: dict[str, str]) -> None:
    """What the SDK sends to the resource's Service is in its topics, value for value."""
    answer = client.ask(
        "round_trip", endpoint=f"{name}.{namespace.name}.svc:4317", client=kafka.client(), topics=topics, seconds=30
    )
    assert answer["refused"] == []
    assert answer["missing"] == []
    assert answer["doubled"] == []
    assert answer["sent"] > 0
    assert answer["topics"] == sorted(topics.values())
    assert ["content-type", "application/x-protobuf"] in answer["headers"]


def _operator_image_of_exporter() -> str:
    deployment = next(found for found in cluster.read("deploy", "install.yaml") if found["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return str(next(entry for entry in container["env"] if entry["name"] == "KAFKA_OTLP_OPERATOR_IMAGE")["value"])


def _secured(kafka: Kafka, password: str) -> list[dict[str, Any]]:
    """The example, with this cluster's Kafka in the place of its placeholders."""
    objects = cluster.read("examples", "sasl-tls.yaml")
    for found in objects:
        if found["kind"] == "KafkaOtlpExporter":
            found["spec"]["brokers"] = [kafka.secure]
            found["spec"]["securityProtocol"] = kafka.protocol
            found["spec"]["sasl"] |= {"mechanism": kafka.mechanism, "username": kafka.username}
        elif found["metadata"]["name"] == "kafka-ca":
            found["stringData"]["ca.crt"] = kafka.ca
        else:
            found["stringData"]["password"] = password
    return objects
