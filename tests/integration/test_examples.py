"""Each example works: rendered by the operator's code, its container run against a Kafka of the matching security."""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kafka_otlp_operator.objects import template
from tests.beds.kafka import KafkaBroker, User
from tests.examples import EXAMPLES
from tools.demo import container, telemetry
from tools.demo.container import Container, LocalProcess
from tools.demo.items import SIGNALS
from tools.demo.topics import Topics


@pytest.mark.kafka
@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_takes_telemetry_to_kafka(example: Path, kafka: KafkaBroker, tmp_path: Path):
    """All that the SDK sends to the example's container is in the example's topics, value for value."""
    described = container.describe(example)
    options = described.resource.options
    replaced = {"KAFKA_EXPORTER_BROKERS": kafka.bootstrap(options.security_protocol)}
    if sources := template.credential_sources(described.resource):
        credentials = mounted(sources, secrets(example), kafka, tmp_path / "credentials")
        replaced["KAFKA_EXPORTER_CREDENTIALS_DIR"] = str(credentials)
        replaced["KAFKA_EXPORTER_REQUIRED_FILES"] = ",".join(str(file) for file in credentials.iterdir())
        let_in(described, credentials, kafka)
    names = dict(zip(SIGNALS, (options.traces_topic, options.metrics_topic, options.logs_topic), strict=True))
    run = str(uuid.uuid4())
    with (
        closing(Topics({"bootstrap.servers": kafka.bootstrap()}, names)) as topics,
        LocalProcess(described, tmp_path, replaced) as process,
    ):
        process.wait_ready()
        sent = telemetry.send(process.otlp, run)
        assert not sent.refused, process.log_tail()
        records = topics.read(run, sent.items.elements(), 30)
        assert Counter(item for record in records for item in record.items) == sent.items
        assert {record.topic for record in records} == set(names.values())
        assert process.end() == 0, process.log_tail()


def secrets(example: Path) -> dict[str, dict[str, str]]:
    """The Secrets in the example's file, by name."""
    return {
        found["metadata"]["name"]: found["stringData"]
        for found in container.documents(example)
        if found["kind"] == "Secret"
    }


def mounted(sources: list[dict[str, Any]], values: dict[str, dict[str, str]], kafka: KafkaBroker, folder: Path) -> Path:
    """The folder that the kubelet would make from the Deployment's projected volume."""
    folder.mkdir()
    for source in sources:
        for item in source["secret"]["items"]:
            (folder / item["path"]).write_text(values[source["secret"]["name"]][item["key"]])
    if (folder / "ca.crt").exists():  # the example holds a placeholder where the certificate belongs
        (folder / "ca.crt").write_bytes(kafka.ca_path.read_bytes())
    return folder


def let_in(described: Container, credentials: Path, kafka: KafkaBroker) -> None:
    """Add the example's user to Kafka."""
    options = described.resource.options
    if options.sasl_mechanism is not None:
        user = User(options.sasl_username or "", (credentials / "password").read_text())
        kafka.add_user(options.sasl_mechanism, user)
