"""The OTLP ports of a whole exporter behind TLS and tokens, with the SDK's own exporters as clients."""

import contextlib
import http.client
import ssl
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from tests.beds.certificates import Certificates
from tests.beds.exporter import ExporterProcess
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import clean_environment, wait_until
from tests.unit.kafka_otlp_exporter import http1, samples


class Secret:
    """A folder as the kubelet fills it: the files are links into ``..data``, a link that is replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def put(self, **files: bytes) -> None:
        """Set the Secret's content; a double underscore in a name means a dot."""
        version = self.folder / f"..{uuid.uuid4()}"
        version.mkdir()
        for name, content in files.items():
            file = name.replace("__", ".")
            (version / file).write_bytes(content)
            if not (self.folder / file).is_symlink():
                (self.folder / file).symlink_to(f"..data/{file}")
        link = self.folder / "..new"
        link.symlink_to(version.name)
        link.rename(self.folder / "..data")


class Guarded:
    """An exporter with guarded ports, the Secret with its certificate and token, and the authorities of both sides."""

    def __init__(self, folder: Path, kafka: MockKafka) -> None:
        """Start the exporter."""
        for name in ("server", "clients"):
            (folder / name).mkdir()
        self.authority, self.clients = Certificates(folder / "server", []), Certificates(folder / "clients", [])
        self.secret = Secret(folder / "secret")
        self.token = "first"
        self.put("server")
        self.topic = f"traces-{uuid.uuid4()}"
        secret = self.secret.folder
        flags = [
            f"--kafka-exporter-brokers={kafka.bootstrap}",
            f"--kafka-exporter-traces-topic={self.topic}",
            f"--otlp-bearer-token-file={secret}/token",
        ]
        for port in ("grpc", "http"):
            flags += [
                f"--otlp-{port}-tls-cert-file={secret}/tls.crt",
                f"--otlp-{port}-tls-private-key-file={secret}/tls.key",
                f"--otlp-{port}-client-ca-file={secret}/ca.crt",
            ]
        self.process = ExporterProcess(folder, flags)

    def put(self, name: str) -> None:
        """Put a new certificate and the token into the Secret."""
        certificate, key = (path.read_bytes() for path in self.authority.server(name))
        self.secret.put(
            tls__crt=certificate, tls__key=key, ca__crt=self.clients.ca.read_bytes(), token=f"{self.token}\n".encode()
        )

    def senders(self, token: str) -> list[SpanExporter]:
        """The SDK's exporters of both protocols, with a client's certificate."""
        certificate, key = self.clients.client("client")
        ca = self.authority.ca
        credentials = grpc.ssl_channel_credentials(ca.read_bytes(), key.read_bytes(), certificate.read_bytes())
        headers = {"authorization": f"Bearer {token}"}
        return [
            GrpcExporter(f"https://{self.process.otlp}", credentials=credentials, headers=headers, timeout=10),
            HttpExporter(
                f"https://{self.process.otlp_http}/v1/traces",
                certificate_file=str(ca),
                client_certificate_file=str(certificate),
                client_key_file=str(key),
                headers=headers,
                timeout=10,
            ),
        ]

    def shown(self) -> bytes:
        """The certificate that the HTTP port shows to a new connection."""
        context = ssl.create_default_context(cafile=self.authority.ca)
        context.load_cert_chain(*self.clients.client("watcher"))
        host, _, port = self.process.otlp_http.rpartition(":")
        connection = http.client.HTTPSConnection(host, int(port), timeout=10, context=context)
        with contextlib.closing(connection):
            connection.connect()
            return connection.sock.getpeercert(binary_form=True) or b""


@pytest.fixture
def guarded(mock_kafka: MockKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """A running exporter."""
    # The library requests prefers these variables to the file that the SDK's exporter was given.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    guarded = Guarded(tmp_path, mock_kafka)
    with guarded.process:
        guarded.process.wait_ready()
        yield guarded


def send(sender: SpanExporter, name: str) -> SpanExportResult:
    """One span."""
    span: Any = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span(name)
    span.end()
    return sender.export([span])


def test_sdks_are_served_over_tls_with_certificate_and_token(guarded: Guarded, mock_kafka: MockKafka):
    """A client with a wrong token is told to give up, not to retry."""
    for number, sender in enumerate(guarded.senders("first")):
        assert send(sender, f"span-{number}") is SpanExportResult.SUCCESS
        sender.shutdown()
    for sender in guarded.senders("wrong"):
        assert send(sender, "wrong") is SpanExportResult.FAILURE
        sender.shutdown()
    values = [message.value() or b"" for message in mock_kafka.read(guarded.topic)]
    assert len(values) == 2
    assert all(any(name in value for value in values) for name in (b"span-0", b"span-1"))


def reloaded(what: str, outcome: str, times: int) -> str:
    """One sample of the metrics."""
    return f'kafka_otlp_exporter_reloads_total{{outcome="{outcome}",what="{what}"}} {times}.0'


def test_a_replaced_secret_is_taken_up_while_clients_stay_connected(guarded: Guarded):
    """Certificate and token: an open connection goes on, and the old token is refused on it."""
    old, new = guarded.senders("first"), guarded.senders("second")
    assert [send(sender, "a") for sender in old] == [SpanExportResult.SUCCESS] * 2
    before = guarded.shown()
    guarded.token = "first\nsecond"
    guarded.put("rotated")
    wait_until(lambda: guarded.shown() != before, 20, lambda: "the old certificate is still shown")
    wait_until(
        lambda: reloaded("otlp_bearer_token", "taken", 1) in guarded.process.metrics(), 10, lambda: "no new token"
    )
    for sender in (*old, *new):
        assert send(sender, "b") is SpanExportResult.SUCCESS
    guarded.token = "second"
    guarded.put("again")
    taken = reloaded("otlp_bearer_token", "taken", 2)
    wait_until(lambda: taken in guarded.process.metrics(), 10, lambda: "the old token is still good")
    assert [send(sender, "c") for sender in (*old, *new)] == [
        *[SpanExportResult.FAILURE] * 2,
        *[SpanExportResult.SUCCESS] * 2,
    ]
    for sender in (*old, *new):
        sender.shutdown()


def test_a_secret_that_cannot_be_used_is_said_once_and_changes_nothing(guarded: Guarded):
    """In the log, without the file's content, and in the metrics."""
    before = guarded.shown()
    guarded.secret.put(tls__crt=b"hunter2", tls__key=b"hunter3", ca__crt=b"hunter4", token=b"hunter 5")
    failed = reloaded("otlp_http_tls", "refused", 1)
    wait_until(lambda: failed in guarded.process.metrics(), 10, lambda: "it is not seen")
    wait_until(lambda: guarded.process.log.count('"files_not_usable"') == 3, 10, lambda: "it is not said")
    assert guarded.shown() == before
    for sender in guarded.senders("first"):
        assert send(sender, "still") is SpanExportResult.SUCCESS
        sender.shutdown()
    assert guarded.process.log.count('"files_not_usable"') == 3
    assert "hunter" not in guarded.process.log
    guarded.put("good")
    wait_until(lambda: guarded.shown() != before, 20, lambda: "the good one is not taken up")


def test_a_token_without_tls_is_warned_of(mock_kafka: MockKafka, tmp_path: Path):
    """At the start, for each port; the port is served nevertheless."""
    token = tmp_path / "token"
    token.write_text("secret")
    flags = [f"--kafka-exporter-brokers={mock_kafka.bootstrap}", f"--otlp-bearer-token-file={token}"]
    with ExporterProcess(tmp_path, flags) as exporter:
        port = int(exporter.wait_ready().otlp_http.rpartition(":")[2])
        assert exporter.log.count("in clear text") == 2
        assert http1.post(port, samples.traces()).status == 401
        assert http1.post(port, samples.traces(), authorization="Bearer secret").status == 200


def test_failed_handshakes_are_no_lines_in_the_log(guarded: Guarded):
    """Otherwise anybody could fill a disk; and every written line is JSON."""
    wait_until(lambda: "kafka_connected" in guarded.process.log, 10, lambda: "it does not say that it is connected")
    written = guarded.process.log
    for endpoint in (guarded.process.otlp, guarded.process.otlp_http):
        port = int(endpoint.rpartition(":")[2])
        for context in (ssl.create_default_context(), ssl.create_default_context(cafile=guarded.authority.ca)):
            # One client does not trust the server's certificate, the other presents no certificate.
            with (
                http1.connect(port) as connection,
                contextlib.suppress(OSError),
                context.wrap_socket(connection, server_hostname="127.0.0.1") as encrypted,
            ):
                encrypted.recv(1)
        with http1.connect(port) as connection, contextlib.suppress(OSError):
            connection.sendall(http1.head())
            connection.recv(100)
    for sender in guarded.senders("first"):
        assert send(sender, "after") is SpanExportResult.SUCCESS
        sender.shutdown()
    assert guarded.process.log == written


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--otlp-grpc-tls-cert-file={crt}"], "--otlp-grpc-tls-cert-file needs --otlp-grpc-tls-private-key-file"),
        (["--otlp-http-client-ca-file={crt}"], "--otlp-http-client-ca-file needs --otlp-http-tls-cert-file"),
        (
            ["--otlp-http-tls-cert-file={crt}", "--otlp-http-tls-private-key-file={other}"],
            "--otlp-http-tls-private-key-file: {other} is not the key of the certificate in {crt}",
        ),
        (["--otlp-bearer-token-file=/nowhere"], "--otlp-bearer-token-file: /nowhere cannot be read"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_exit_code_2(tmp_path: Path, flags: list[str], sentence: str):
    """Nothing is started."""
    authority = Certificates(tmp_path, [])
    files = {"crt": authority.server("a")[0], "other": authority.server("b")[1]}
    ended = subprocess.run(
        [sys.executable, "-m", "kafka_otlp_exporter", "start", *(flag.format(**files) for flag in flags)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"kafka-otlp-exporter: {sentence.format(**files)}")
