"""Every security protocol and mechanism with a real Kafka, and the sentences when a setting is wrong."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import trustme

from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.beds.process import wait_until
from tests.integration.test_delivery import export, one_span, sentence_of, span_names

pytestmark = pytest.mark.kafka

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def options(kafka: KafkaBroker, protocol: str, mechanism: str | None) -> dict[str, str]:
    """The options for a listener, without the password."""
    chosen = {"brokers": kafka.bootstrap(protocol), "security-protocol": protocol, "traces-topic": "secured"}
    if mechanism is not None:
        chosen |= {"sasl-mechanism": mechanism, "sasl-username": kafka.users[mechanism].name}
    return chosen


def flags(chosen: dict[str, str]) -> list[str]:
    return [f"--kafka-exporter-{name}={value}" for name, value in chosen.items()]


def environment(chosen: dict[str, str]) -> dict[str, str]:
    return {f"KAFKA_EXPORTER_{name.replace('-', '_').upper()}": value for name, value in chosen.items()}


def credentials(folder: Path, **files: str) -> list[str]:
    """A credentials folder with these files, and the flag that names it; ``ca_crt`` is the file ca.crt."""
    place = folder / "credentials"
    place.mkdir()
    for name, text in files.items():
        (place / name.replace("_", ".")).write_text(text)
    return [f"--credentials-dir={place}"]


def assert_delivers(exporter: ExporterProcess, kafka: KafkaBroker, name: str) -> None:
    assert export(exporter.wait_ready().otlp, one_span(name)) is None
    assert name in span_names(kafka.read("secured"))


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_sasl_without_tls_with_the_password_in_the_environment(
    kafka: KafkaBroker, tmp_path: Path, mechanism: str
) -> None:
    """SASL_PLAINTEXT authenticates by each mechanism, and the password is shown nowhere."""
    password = kafka.users[mechanism].password
    chosen = {**options(kafka, "SASL_PLAINTEXT", mechanism), "sasl-password": password}
    with ExporterProcess(tmp_path, [], environment(chosen)) as exporter:
        assert_delivers(exporter, kafka, f"plain-{mechanism}")
        shown = exporter.log + exporter.metrics() + str(exporter.status())
        assert password not in shown


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_sasl_over_tls_with_the_credentials_folder(kafka: KafkaBroker, tmp_path: Path, mechanism: str) -> None:
    """SASL_SSL takes user name, password and CA from the folder."""
    user = kafka.users[mechanism]
    chosen = options(kafka, "SASL_SSL", mechanism)
    del chosen["sasl-username"]
    folder = credentials(tmp_path, username=user.name, password=user.password + "\n", ca_crt=kafka.ca_path.read_text())
    with ExporterProcess(tmp_path, [*flags(chosen), *folder]) as exporter:
        assert_delivers(exporter, kafka, f"tls-{mechanism}")


def test_tls_without_sasl(kafka: KafkaBroker, tmp_path: Path) -> None:
    """SSL trusts the CA of the folder."""
    folder = credentials(tmp_path, ca_crt=kafka.ca_path.read_text())
    with ExporterProcess(tmp_path, [*flags(options(kafka, "SSL", None)), *folder]) as exporter:
        assert_delivers(exporter, kafka, "tls")


def test_a_wrong_password_is_named_as_the_cause(kafka: KafkaBroker, tmp_path: Path) -> None:
    """Status and readiness name the broker, the user and the mechanism. Clients and the metric are told the cause too.

    Nothing shows the password.
    """
    chosen = {**options(kafka, "SASL_PLAINTEXT", "SCRAM-SHA-512"), "sasl-password": "wr0ng-c4nary"}
    chosen["request-timeout"] = "2s"
    with ExporterProcess(tmp_path, flags(chosen)) as exporter:
        exporter.child.wait_until(lambda: "kafka_not_connected" in exporter.log, 30, "line about Kafka")
        kafka_status = exporter.status()["kafka"]
        assert kafka_status["reason"] == "AuthenticationFailed"
        assert kafka.users["SCRAM-SHA-512"].name in kafka_status["message"]
        assert "SCRAM-SHA-512" in kafka_status["message"]
        assert kafka.bootstrap("SASL_PLAINTEXT") in kafka_status["message"]
        assert not exporter.ready()
        error = export(exporter.otlp, one_span("refused"))
        assert error is not None
        assert sentence_of(error) == "Kafka refuses the credentials of the exporter."
        assert 'unavailable_total{reason="AuthenticationFailed"} 1.0' in exporter.metrics()
        assert "wr0ng-c4nary" not in exporter.log + exporter.metrics() + str(exporter.status())


def test_an_unknown_authority_is_named_as_the_cause(kafka: KafkaBroker, tmp_path: Path) -> None:
    """Without the CA the certificate is not trusted, and the status says so."""
    with ExporterProcess(tmp_path, flags(options(kafka, "SSL", None))) as exporter:
        exporter.child.wait_until(lambda: "kafka_not_connected" in exporter.log, 30, "line about Kafka")
        kafka_status = exporter.status()["kafka"]
        assert kafka_status["reason"] == "CertificateNotTrusted"
        assert "ca.crt" in kafka_status["message"]


def test_sasl_spoken_to_a_port_without_it_does_not_blame_the_password(kafka: KafkaBroker, tmp_path: Path) -> None:
    """The sentence says what the port has not, and what to set instead."""
    chosen = {**options(kafka, "SASL_PLAINTEXT", "PLAIN"), "sasl-password": kafka.users["PLAIN"].password}
    chosen["brokers"] = kafka.bootstrap("PLAINTEXT")
    with ExporterProcess(tmp_path, flags(chosen)) as exporter:
        exporter.child.wait_until(lambda: "kafka_not_connected" in exporter.log, 30, "line about Kafka")
        kafka_status = exporter.status()["kafka"]
        assert kafka_status["reason"] == "SaslNotEnabled"
        assert "has no SASL on this port" in kafka_status["message"]


def test_a_broker_that_refuses_our_certificate_is_not_called_untrusted(tmp_path: Path) -> None:
    """A TLS server that asks for a client certificate, and gets none: its alert is about tls.crt, and not about ca.crt."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    trustme.CA().configure_trust(context)
    folder = credentials(tmp_path, ca_crt=authority.cert_pem.bytes().decode())
    with refusing(context) as port:
        chosen = {"brokers": f"localhost:{port}", "security-protocol": "SSL"}
        with ExporterProcess(tmp_path, [*flags(chosen), *folder]) as exporter:
            exporter.child.wait_until(lambda: "kafka_not_connected" in exporter.log, 30, "line about Kafka")
            kafka_status = exporter.status()["kafka"]
    assert kafka_status["reason"] == "ClientCertificateRefused"
    assert "tls.crt" in kafka_status["message"]


@contextmanager
def refusing(context: ssl.SSLContext) -> Iterator[int]:
    """A TLS server whose every handshake fails; its port."""

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return  # closed
            with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)

    with socket.create_server(("localhost", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_plaintext_spoken_to_a_tls_port_is_not_called_authentication(kafka: KafkaBroker, tmp_path: Path) -> None:
    """With a wrong security protocol the broker is unreachable, and the sentence names the protocol."""
    chosen = {"brokers": kafka.bootstrap("SSL")}
    with ExporterProcess(tmp_path, flags(chosen)) as exporter:
        exporter.child.wait_until(lambda: "kafka_not_connected" in exporter.log, 40, "line about Kafka")
        kafka_status = exporter.status()["kafka"]
        assert kafka_status["reason"] == "KafkaUnreachable"
        assert "security protocol" in kafka_status["message"]


def test_corrected_credentials_heal_without_a_restart(kafka: KafkaBroker, tmp_path: Path) -> None:
    """The file is replaced, the process goes on: a request that was refused is now delivered."""
    chosen = options(kafka, "SASL_SSL", "SCRAM-SHA-512")
    folder = credentials(tmp_path, password="wrong", ca_crt=kafka.ca_path.read_text())
    with ExporterProcess(tmp_path, [*flags(chosen), *folder]) as exporter:
        exporter.child.wait_until(lambda: "AuthenticationFailed" in exporter.log, 30, "refusal")
        assert exporter.status()["credentialsChanged"] is None
        (tmp_path / "credentials" / "password").write_text(kafka.users["SCRAM-SHA-512"].password)
        assert_delivers(exporter, kafka, "corrected")
        assert exporter.status()["credentialsChanged"] is not None


def _changed(exporter: ExporterProcess, times: int) -> bool:
    return exporter.log.count("credentials_changed") == times


def test_credentials_that_change_while_clients_send_lose_nothing(kafka: KafkaBroker, tmp_path: Path) -> None:
    """Every call is answered OK and its record is there, through the old or the new producer."""
    kafka.create_topic("rotated")
    chosen = {**options(kafka, "SASL_PLAINTEXT", "PLAIN"), "traces-topic": "rotated"}
    password = kafka.users["PLAIN"].password
    folder = credentials(tmp_path, password=password)
    with ExporterProcess(tmp_path, [*flags(chosen), *folder]) as exporter:
        exporter.wait_ready()
        names = [f"rotated-{number}" for number in range(400)]
        for number, name in enumerate(names):
            if number in {100, 250}:
                (tmp_path / "credentials" / "password").write_text(password + "\n" * (number // 100 % 2))
                changes = 1 + number // 250
                wait_until(partial(_changed, exporter, changes), 10, lambda: "the change is not taken up")
            assert export(exporter.otlp, one_span(name)) is None
        assert span_names(kafka.read("rotated")) == names
        assert exporter.status()["kafka"]["producerRebuilds"] == 0
