"""The command lines of the specification start and work, word for word apart from the program's name.

They name hosts, ports and defaults, so each runs in a network namespace of its own beside a Kafka that listens there.
This module is also what runs inside: ``python -m tests.integration.test_specification_commands NUMBER FOLDER``.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.beds import namespaces
from tests.beds.kafka import KafkaBroker, Listener, User
from tests.beds.process import Child, clean_environment, http_get
from tools.demo import telemetry
from tools.demo.items import SIGNALS
from tools.demo.topics import Topics

TOPICS = {signal: f"otlp_{signal}" for signal in SIGNALS}


@dataclass(frozen=True)
class Command:
    """A command line, the listener that it expects, and the producer properties that it must give."""

    text: str
    protocol: str
    listener: Listener
    properties: dict[str, str]


COMMANDS = (
    Command(
        r"""
kafka-otlp-exporter start --exporter kafka \
  --kafka-exporter-brokers "broker1:9092,broker2:9092" \
  --kafka-exporter-sasl-username "your-username" \
  --kafka-exporter-sasl-password "your-password" \
  --kafka-exporter-sasl-mechanism "SCRAM-SHA-256" \
  --kafka-exporter-security-protocol "SASL_SSL" \
  --kafka-exporter-compression "gzip" \
  --kafka-exporter-acks "all"
""",
        "SASL_SSL",
        Listener(9092, "127.0.0.2", "broker1"),
        {"compression.codec": "gzip", "request.required.acks": "all", "security.protocol": "SASL_SSL"},
    ),
    Command(
        r"""
kafka-otlp-exporter start --exporter kafka \
  --kafka-exporter-custom-config "enable.idempotence=true,max.in.flight.requests.per.connection=1" \
  --kafka-exporter-brokers "broker1:9092,broker2:9092"
""",
        "PLAINTEXT",
        Listener(9092, "127.0.0.2", "broker1"),
        {"enable.idempotence": "true", "max.in.flight.requests.per.connection": "1"},
    ),
    Command(
        r"""
# The custom config will override the built-in batch size setting
kafka-otlp-exporter start --exporter kafka \
  --kafka-exporter-batch-size 500000 \
  --kafka-exporter-custom-config "batch.size=2000000"
  # Final batch.size will be 2000000, not 500000
""",
        "PLAINTEXT",
        Listener(9092, "127.0.0.1", "localhost"),
        {"batch.size": "2000000"},
    ),
)


@pytest.mark.kafka
@pytest.mark.namespaces
@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=["sasl-ssl", "idempotent", "defaults"])
def test_a_command_line_of_the_specification_works(number: int, tmp_path: Path):
    """All that the SDK sends to the default port 4317 is in Kafka, in the default topics."""
    namespaces.run(
        [sys.executable, "-m", "tests.integration.test_specification_commands", str(number), str(tmp_path)],
        {"localhost": "127.0.0.1", "broker1": "127.0.0.2", "broker2": "127.0.0.2"},
        tmp_path,
        seconds=120,
    )


def run_inside(command: Command, folder: Path) -> None:
    """Start Kafka and the command, send, read back; raises when anything differs from what is expected."""
    namespaces.raise_loopback()
    users = {"SCRAM-SHA-256": User("your-username", "your-password")}
    with KafkaBroker(
        folder, listeners={command.protocol: command.listener}, users=users, server_names=["broker1", "broker2"]
    ) as kafka:
        environment = _environment(kafka, folder) if command.protocol == "SASL_SSL" else clean_environment()
        # With exec the shell becomes the exporter, so SIGTERM reaches the exporter.
        script = command.text.replace("kafka-otlp-exporter", "exec kafka-otlp-exporter")
        exporter = Child(["bash", "-c", script], folder / "exporter.log", environment, folder)
        try:
            _sends_and_reads(kafka, exporter)
            properties = json.loads(_get("/status"))["producer"]
            assert command.properties.items() <= properties.items(), properties
        except BaseException:
            print(exporter.log_tail())
            raise
        finally:
            exporter.end(30)
        assert exporter.returncode == 0, exporter.log_tail()


def _environment(kafka: KafkaBroker, folder: Path) -> dict[str, str]:
    # The specification's command has no place for the certificate of a private authority.
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "ca.crt").write_bytes(kafka.ca_path.read_bytes())
    return {**clean_environment(), "KAFKA_EXPORTER_CREDENTIALS_DIR": str(credentials)}


def _sends_and_reads(kafka: KafkaBroker, exporter: Child) -> None:
    exporter.wait_until(lambda: _get("/readyz") == "ok\n", 30, "readiness")
    with closing(Topics({"bootstrap.servers": kafka.bootstrap()}, TOPICS)) as topics:
        run = str(uuid.uuid4())
        sent = telemetry.send("127.0.0.1:4317", run)
        assert not sent.refused, sent.refused
        records = topics.read(run, sent.items.elements(), 30)
    assert Counter(item for record in records for item in record.items) == sent.items


def _get(path: str) -> str:
    return http_get(f"http://127.0.0.1:9464{path}")[1]


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run_inside(COMMANDS[int(sys.argv[1])], Path(sys.argv[2]))
