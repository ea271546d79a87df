"""The Kafka of the cluster: ours, or with KAFKA_BOOTSTRAP one that is there already. Used by the fixtures.

For a Kafka of somebody's own (Strimzi, a managed one): KAFKA_BOOTSTRAP, KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_MECHANISM,
KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_CA (a file), as far as they apply. Its topics must be there or be made on use.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.beds.kafka import USERS, KafkaBroker, Listener
from tests.beds.process import BedError
from tests.e2e import kubectl
from tests.e2e.kubectl import Namespace

_HOST = "kafka.kafka.svc"
_PORTS = {"PLAINTEXT": 9092, "SASL_SSL": 9093, "SASL_PLAINTEXT": 9094, "SSL": 9095}
_CONFIGURATION = Path("/etc/kafka")
_START_SECONDS = 240

_SCRAM = " ".join(
    f"--add-scram '{mechanism}=[name={user.name},password={user.password}]'"
    for mechanism, user in USERS.items()
    if mechanism.startswith("SCRAM")
)
_START = f"""\
set -eu
set -- -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/*'
java "$@" kafka.tools.StorageTool format --ignore-formatted --cluster-id a2Fma2Etb3RscC1lMmUtMQ \\
  --config {_CONFIGURATION}/server.properties {_SCRAM}
exec java "$@" kafka.Kafka {_CONFIGURATION}/server.properties
"""


@dataclass(frozen=True)
class Kafka:
    """Where pods find Kafka, and as whom."""

    plain: str | None
    """``host:port`` of a listener without security, None where there is none."""
    secure: str
    """``host:port`` of the listener that ``protocol`` names."""
    protocol: str
    mechanism: str
    username: str
    password: str
    ca: str

    def client(self) -> Mapping[str, str]:
        """librdkafka's properties of a client that reads everything."""
        if self.plain is not None:
            return {"bootstrap.servers": self.plain}
        properties = {"bootstrap.servers": self.secure, "security.protocol": self.protocol}
        if "SASL" in self.protocol:
            properties |= {
                "sasl.mechanism": self.mechanism,
                "sasl.username": self.username,
                "sasl.password": self.password,
            }
        return properties | ({"ssl.ca.pem": self.ca} if self.ca else {})


def named() -> Kafka | None:
    """The Kafka that the environment names."""
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
    if bootstrap is None:
        return None
    protocol = os.environ.get("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    authority = os.environ.get("KAFKA_CA")
    return Kafka(
        plain=bootstrap if protocol == "PLAINTEXT" else None,
        secure=bootstrap,
        protocol=protocol,
        mechanism=os.environ.get("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
        username=os.environ.get("KAFKA_USERNAME", ""),
        password=os.environ.get("KAFKA_PASSWORD", ""),
        ca=Path(authority).read_text() if authority else "",
    )


def installed() -> Kafka:
    """Our own, in the namespace ``kafka``, started where it does not run. Raises BedError, KubectlError."""
    namespace = Namespace("kafka")
    namespace.create()
    secret = namespace.get("secret", "kafka")
    if secret is None:
        secret = _secret()
        namespace.apply([secret])
    namespace.apply(kubectl.read("tools", "cluster", "kafka", "kafka.yaml"))
    namespace.wait(lambda: _serves(namespace), "Kafka serves", _START_SECONDS)
    user = USERS["SCRAM-SHA-512"]
    return Kafka(
        plain=f"{_HOST}:{_PORTS['PLAINTEXT']}",
        secure=f"{_HOST}:{_PORTS['SASL_SSL']}",
        protocol="SASL_SSL",
        mechanism="SCRAM-SHA-512",
        username=user.name,
        password=user.password,
        ca=base64.b64decode(secret["data"]["ca.crt"]).decode(),
    )


def _serves(namespace: Namespace) -> bool:
    found = namespace.get("statefulset", "kafka") or {}
    for pod in namespace.all("pods"):
        for container in pod["status"].get("containerStatuses", ()):
            if container["restartCount"] > 2:
                raise BedError(f"Kafka does not start:\n{namespace.kubectl('logs', 'kafka-0', '--previous')}")
    return int(found.get("status", {}).get("readyReplicas", 0)) == 1


def _secret() -> dict[str, Any]:
    """The configuration that the other tests' broker has, with the listeners and the paths of a pod."""
    places = {
        "log.dirs": "/var/lib/kafka/data",
        "ssl.keystore.location": str(_CONFIGURATION / "server.pem"),
        "ssl.truststore.location": str(_CONFIGURATION / "ca.crt"),
    }
    listeners = {name: Listener(port, "0.0.0.0", _HOST) for name, port in _PORTS.items()}
    with tempfile.TemporaryDirectory() as folder:
        KafkaBroker(Path(folder), listeners=listeners, server_names=[_HOST], properties=places)
        names = ("server.properties", "server.pem", "ca.crt")
        files = {name: Path(folder, name).read_bytes() for name in names} | {"start.sh": _START.encode()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kafka"},
        "data": {name: base64.b64encode(content).decode() for name, content in files.items()},
    }
