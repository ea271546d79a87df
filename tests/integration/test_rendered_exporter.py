"""A whole exporter runs with what the operator renders: variables, ports and files mean the same to both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from kafka_otlp_operator import names
from kafka_otlp_operator.objects.template import pod_template
from kafka_otlp_operator.resource.spec import parse
from tests.beds.certificates import Certificates
from tests.beds.exporter import ExporterProcess
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import free_port

TOPIC = f"traces-{uuid.uuid4()}"


class Rendered:
    """The exporter of a resource that sets ports, limits, certificates and a token for both OTLP ports."""

    def __init__(self, kafka: MockKafka, folder: Path) -> None:
        """Render the resource, lay out its volume as the kubelet does, and start the container's process."""
        for side in ("server", "clients"):
            (folder / side).mkdir()
        self.server, self.clients = Certificates(folder / "server", []), Certificates(folder / "clients", [])
        ports = [free_port(), free_port()]
        pod = pod_template(parse(resource(kafka, ports)), "image:1")["spec"]
        (container,) = pod["containers"]
        self.mount(pod["volumes"], folder / "otlp")
        here = str(folder / "otlp")
        environment = {one["name"]: one["value"].replace(names.OTLP_DIR, here) for one in container["env"]}
        served = [environment[f"KAFKA_EXPORTER_OTLP_{way}_ENDPOINT"] for way in ("GRPC", "HTTP")]
        assert served == [f"0.0.0.0:{port}" for port in ports]
        flags = [f"--otlp-{way}-endpoint=127.0.0.1:{port}" for way, port in zip(("grpc", "http"), ports, strict=True)]
        self.process = ExporterProcess(folder, flags, environment)

    def mount(self, volumes: list[dict[str, Any]], folder: Path) -> None:
        """Every file of the volume, with the content of its Secret."""
        certificate, key = self.server.server("exporter")
        secrets = {
            ("server", "tls.crt"): certificate.read_bytes(),
            ("server", "tls.key"): key.read_bytes(),
            ("clients", "ca.pem"): self.clients.ca.read_bytes(),
            ("tokens", "otlp"): b"sesame\n",
        }
        (volume,) = volumes
        for source in volume["projected"]["sources"]:
            for item in source["secret"]["items"]:
                path = folder / item["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(secrets[source["secret"]["name"], item["key"]])

    def senders(self, token: str) -> Iterator[GrpcExporter | HttpExporter]:
        """The SDK's exporters of both protocols, with a client's certificate and a token."""
        certificate, key = self.clients.client("client")
        ca, headers = self.server.ca, {"authorization": f"Bearer {token}"}
        credentials = grpc.ssl_channel_credentials(ca.read_bytes(), key.read_bytes(), certificate.read_bytes())
        yield GrpcExporter(f"https://{self.process.otlp}", credentials=credentials, headers=headers, timeout=10)
        yield HttpExporter(
            f"https://{self.process.otlp_http}/v1/traces",
            certificate_file=str(ca),
            client_certificate_file=str(certificate),
            client_key_file=str(key),
            headers=headers,
            timeout=10,
        )


def resource(kafka: MockKafka, ports: list[int]) -> dict[str, Any]:
    """The resource."""
    server = {
        "maxRequestBytes": 65_536,
        "tlsSecretRef": {"name": "server"},
        "clientCaSecretRef": {"name": "clients", "key": "ca.pem"},
    }
    spec = {
        "brokers": kafka.bootstrap.split(","),
        "tracesTopic": TOPIC,
        "otlp": {
            "grpc": {**server, "port": ports[0]},
            "http": {**server, "port": ports[1]},
            "bearerTokenSecretRef": {"name": "tokens", "key": "otlp"},
        },
        "resources": {"limits": {"memory": "256Mi"}},
    }
    return {"metadata": {"name": "edge"}, "spec": spec}


@pytest.fixture
def rendered(mock_kafka: MockKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rendered]:
    """A running exporter."""
    # The library requests prefers these variables to the file that the SDK's exporter was given.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    running = Rendered(mock_kafka, tmp_path)
    with running.process:
        running.process.wait_ready()
        yield running


def send(sender: GrpcExporter | HttpExporter, size: int) -> SpanExportResult:
    """One span with an attribute of so many characters."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    span: Any = tracer.start_span("span", attributes={"text": "x" * size})
    span.end()
    try:
        return sender.export([span])
    finally:
        sender.shutdown()


def test_what_is_rendered_is_what_the_exporter_does(rendered: Rendered, mock_kafka: MockKafka) -> None:
    """Both OTLP ports are guarded and limited as the resource says; accepted spans are in Kafka."""
    assert [send(sender, 10) for sender in rendered.senders("sesame")] == [SpanExportResult.SUCCESS] * 2
    assert [send(sender, 10) for sender in rendered.senders("open up")] == [SpanExportResult.FAILURE] * 2
    assert [send(sender, 70_000) for sender in rendered.senders("sesame")] == [SpanExportResult.FAILURE] * 2
    assert len(mock_kafka.read(TOPIC)) == 2
