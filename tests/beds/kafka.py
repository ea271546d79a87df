"""A real Kafka: one KRaft node as a local process, with a listener for each security protocol."""

from __future__ import annotations

import base64
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException, Message
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.beds import records
from tests.beds.certificates import Certificates
from tests.beds.process import BedError, Child, free_port, wait_until
from tools.cluster import build

PROTOCOLS = ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL")

_START_SECONDS = 90
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.showDateTime=true")


@dataclass(frozen=True)
class Listener:
    """The address on which a listener listens, and the host name that the broker tells clients."""

    port: int
    host: str = "127.0.0.1"
    advertised: str = "127.0.0.1"


@dataclass(frozen=True)
class User:
    """A user of one SASL mechanism, with its password."""

    name: str
    password: str


USERS = {
    "PLAIN": User("plain-user", "plain,secret=1"),
    "SCRAM-SHA-256": User("scram-256-user", "scram-256-secret"),
    "SCRAM-SHA-512": User("scram-512-user", "scram-512-secret"),
}


class KafkaBroker:
    """One broker, from its first start to stop. Its topics survive ``kill()`` and ``start()``."""

    def __init__(
        self,
        folder: Path,
        *,
        listeners: Mapping[str, Listener] | None = None,
        users: Mapping[str, User] | None = None,
        server_names: Sequence[str] = (),
        client_auth: str = "none",
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Choose ports, and write certificates and configuration into ``folder``. Starts nothing.

        ``listeners`` sets the address of some protocols; the others get free ports. ``server_names`` go into the
        certificate, beside 127.0.0.1 and localhost. ``client_auth`` is Kafka's ``ssl.client.auth`` of the SSL listener.
        ``properties`` are further properties of the broker.
        """
        self.folder = folder
        self.users = {**USERS, **(users or {})}
        self.listeners = {name: (listeners or {}).get(name) or Listener(free_port()) for name in PROTOCOLS}
        self.certificates = Certificates(folder, server_names)
        self._controller = free_port()
        self._configuration = folder / "server.properties"
        self._child: Child | None = None
        text = "".join(f"{name}={value}\n" for name, value in self._properties(client_auth, properties or {}).items())
        self._configuration.write_text(text)

    def __enter__(self) -> Self:
        """Started."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stopped."""
        self.stop()

    @property
    def ca_path(self) -> Path:
        """The certificate of the authority that signed the broker's certificate."""
        return self.certificates.ca

    @property
    def log(self) -> str:
        """What the broker wrote last."""
        return self._child.log_tail() if self._child else ""

    def bootstrap(self, protocol: str = "PLAINTEXT") -> str:
        """``host:port`` of the listener of a security protocol, as the broker advertises it."""
        listener = self.listeners[protocol]
        return f"{listener.advertised}:{listener.port}"

    def start(self) -> None:
        """Start the broker and wait until it serves; the first time its folder is formatted. Raises BedError.

        It raises BedError at once when another process listens on one of its ports.
        """
        if not (self.folder / "data").exists():
            self._format()
        self._child = Child(["java", *_JVM, *_class_path(), "kafka.Kafka", str(self._configuration)], self._log_path)
        try:
            for protocol, listener in self.listeners.items():
                # A broker of somebody else would answer as well.
                own = partial(self._child.listens_on, listener.port, listener.host)
                self._child.wait_until(own, _START_SECONDS, f"listener {protocol} on port {listener.port}")
            self._child.wait_until(self._serving, _START_SECONDS, "answer for metadata")
        except BaseException:
            self._child.kill()
            raise

    def stop(self) -> None:
        """End the broker as an administrator would."""
        if self._child is not None:
            self._child.end(30)

    def kill(self) -> None:
        """End the broker as a crash would."""
        if self._child is not None:
            self._child.kill()

    def pause(self) -> None:
        """Freeze the process: its connections stay open, and it answers nothing."""
        if self._child is not None:
            self._child.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue a paused process."""
        if self._child is not None:
            self._child.signal(signal.SIGCONT)

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Create a topic and wait until the broker leads its partitions."""
        admin = self._admin()
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        admin.create_topics([topic])[name].result(30)

        def led() -> bool:
            found = admin.list_topics(name, timeout=10).topics[name].partitions.values()
            return len(found) == partitions and all(partition.leader == 1 for partition in found)

        wait_until(led, 30, lambda: f"topic {name} has no leader")

    def add_user(self, mechanism: str, user: User) -> None:
        """Add a user of a SCRAM mechanism to the running broker."""
        known = getattr(ScramMechanism, mechanism.replace("-", "_"))
        wanted = UserScramCredentialUpsertion(user.name, ScramCredentialInfo(known, 4096), user.password.encode())
        admin = self._admin()  # kept until the answer: the call is cancelled when the client is deleted
        admin.alter_user_scram_credentials([wanted])[user.name].result(30)

    def read(self, topic: str, count: int | None = None, timeout: float = 30) -> list[Message]:
        """The topic's records: ``count`` of them, or all that it holds now. Raises BedError when there are fewer."""
        return records.read({"bootstrap.servers": self.bootstrap()}, topic, count, timeout)

    @property
    def _log_path(self) -> Path:
        return self.folder / "kafka.log"

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap()}, logger=records.SILENT)

    def _serving(self) -> bool:
        try:
            return bool(self._admin().list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(b"kafka" + uuid.uuid4().bytes[5:]).decode().rstrip("=")
        flags = ["format", "--cluster-id", cluster, "--config", str(self._configuration)]
        for mechanism, user in self.users.items():
            if mechanism.startswith("SCRAM"):
                flags += ["--add-scram", f"{mechanism}=[name={user.name},password={user.password}]"]
        answer = subprocess.run(
            ["java", *_JVM, *_class_path(), "kafka.tools.StorageTool", *flags],
            capture_output=True,
            text=True,
            check=False,
            timeout=_START_SECONDS,
        )
        if answer.returncode:
            raise BedError(f"Kafka's folder was not formatted:\n{answer.stdout}{answer.stderr}")

    def _properties(self, client_auth: str, further: Mapping[str, str]) -> dict[str, str]:
        places = self.listeners.items()
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": ",".join(
                [f"{name}://{place.host}:{place.port}" for name, place in places]
                + [f"CONTROLLER://127.0.0.1:{self._controller}"]
            ),
            "advertised.listeners": ",".join(f"{name}://{place.advertised}:{place.port}" for name, place in places),
            "listener.security.protocol.map": ",".join(
                [f"{name}:{name}" for name in PROTOCOLS] + ["CONTROLLER:PLAINTEXT"]
            ),
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # A killed broker can register again only after its old session has expired; the default is 9 s.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificates.keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.certificates.ca),
            "listener.name.ssl.ssl.client.auth": client_auth,
            "sasl.enabled.mechanisms": ",".join(self.users),
        }
        return properties | self._logins() | dict(further)

    def _logins(self) -> dict[str, str]:
        plain = self.users["PLAIN"]
        security = "org.apache.kafka.common.security"
        modules = {
            "plain": f'{security}.plain.PlainLoginModule required user_{plain.name}="{plain.password}";',
            "scram-sha-256": f"{security}.scram.ScramLoginModule required;",
            "scram-sha-512": f"{security}.scram.ScramLoginModule required;",
        }
        return {
            f"listener.name.{protocol.lower()}.{mechanism}.sasl.jaas.config": module
            for protocol in PROTOCOLS
            if protocol.startswith("SASL_")
            for mechanism, module in modules.items()
        }


def _class_path() -> list[str]:
    return ["-cp", f"{build.fetch_kafka()}/*"]
