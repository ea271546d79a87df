"""``examples/kafka.yaml``, as far as it goes without its image: the API server, Pod Security, and the properties."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.beds.kubernetes import ApiServer
from tests.beds.process import Child, free_port, wait_until
from tests.beds.records import SILENT
from tests.contract.operator_bed import until
from tests.examples import EXAMPLES, FOLDER
from tools.cluster import build

FILE = FOLDER / "kafka.yaml"
# The image makes a property of every KAFKA_* variable; one that the broker does not know does no harm.
CLUSTER = "CLUSTER_ID"


def documents() -> dict[str, Any]:
    """The objects of the file, by kind."""
    return {document["kind"]: document for document in yaml.safe_load_all(FILE.read_text())}


def environment() -> dict[str, str]:
    """The variables of its container."""
    (container,) = documents()["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable["value"] for variable in container["env"]}


def test_the_other_examples_find_it():
    """The Service has the name and the port that examples/minimal.yaml writes to, and so does what Kafka advertises."""
    (address,) = yaml.safe_load(EXAMPLES["minimal"].read_text())["spec"]["brokers"]
    service = documents()["Service"]
    (port,) = service["spec"]["ports"]
    assert address == f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc:{port['port']}"
    assert environment()["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{address}"


@pytest.mark.kubernetes
def test_the_api_server_takes_it_and_pod_security_lets_its_pod_in(api_server: ApiServer):
    """Its namespace enforces restricted, and the pod is made."""
    api_server.kubectl("apply", "--validate=strict", "-f", str(FILE))
    until(lambda: bool(api_server.kubectl("-n", "kafka", "get", "pod", "kafka-0", "--ignore-not-found")), "pod kafka-0")
    api_server.kubectl("delete", "--wait=false", "-f", str(FILE))


@pytest.mark.kafka
def test_its_properties_start_a_kafka_of_that_version(tmp_path: Path):
    """With ports of this machine, its properties are those of a broker that serves: the image adds none of its own."""
    image = documents()["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]["image"]
    jars = build.fetch_kafka()
    assert (jars / f"kafka_2.13-{image.rpartition(':')[2]}.jar").is_file()

    variables = {name: value for name, value in environment().items() if name != CLUSTER}
    port, controller, data = free_port(), free_port(), tmp_path / "data"
    text = "".join(f"{property_of(name)}={value}\n" for name, value in variables.items())
    for theirs, ours in (
        ("kafka.kafka.svc:9092", f"127.0.0.1:{port}"),
        ("PLAINTEXT://:9092", f"PLAINTEXT://127.0.0.1:{port}"),
        ("localhost:9093", f"localhost:{controller}"),
        ("/var/lib/kafka/data", str(data)),
    ):
        assert theirs in text
        text = text.replace(theirs, ours)
    configuration = tmp_path / "server.properties"
    configuration.write_text(text)

    java = ["java", environment()["KAFKA_HEAP_OPTS"], "-cp", f"{jars}/*"]
    cluster = ["--cluster-id", environment()[CLUSTER], "--config", str(configuration)]
    subprocess.run([*java, "kafka.tools.StorageTool", "format", *cluster], check=True, capture_output=True, timeout=90)
    broker = Child([*java, "kafka.Kafka", str(configuration)], tmp_path / "kafka.log")
    try:
        wait_until(lambda: topic_made(f"127.0.0.1:{port}"), 90, lambda: f"no topic:\n{broker.log_tail()}")
    finally:
        broker.end(30)


def property_of(variable: str) -> str:
    """The property of a variable: the image's rule, for names without ``-`` and ``_``."""
    return variable.removeprefix("KAFKA_").replace("_", ".").lower()


def topic_made(address: str) -> bool:
    """Whether a topic can be made there, or an earlier call that timed out has made it: a broker that leads partitions."""
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415
    from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # noqa: PLC0415

    admin = AdminClient({"bootstrap.servers": address}, logger=SILENT)
    made = admin.create_topics([NewTopic("one", 1, 1)], request_timeout=5)["one"]
    try:
        made.result(10)
    except KafkaException as error:
        return bool(error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS)
    return True
