"""OTLP over HTTP through a whole exporter, as the SDK's own exporters send it, into librdkafka's mock cluster."""

import contextlib
import gzip
import json
import logging
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.beds.exporter import ExporterProcess
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import wait_until
from tests.unit.kafka_otlp_exporter import http1, samples


@pytest.fixture
def topics() -> dict[Signal, str]:
    """Topics that no other test uses."""
    return {one: f"{one.value}-{uuid.uuid4()}" for one in Signal}


@pytest.fixture
def exporter(mock_kafka: MockKafka, topics: dict[Signal, str], tmp_path: Path) -> Iterator[ExporterProcess]:
    """A running exporter."""
    flags = [f"--kafka-exporter-{one.value}-topic={topic}" for one, topic in topics.items()]
    with ExporterProcess(tmp_path, [f"--kafka-exporter-brokers={mock_kafka.bootstrap}", *flags]) as process:
        yield process.wait_ready()


def port_of(exporter: ExporterProcess) -> int:
    """The port of OTLP/HTTP."""
    return int(exporter.otlp_http.rpartition(":")[2])


def send_traces(url: str, compression: Compression) -> None:
    """One span."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces", compression=compression)))
    provider.get_tracer("test").start_span("checkout").end()
    provider.shutdown()


def send_metrics(url: str, compression: Compression) -> None:
    """One counter."""
    exporter = OTLPMetricExporter(f"{url}/v1/metrics", compression=compression)
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, 3_600_000)], shutdown_on_exit=False)
    provider.get_meter("test").create_counter("checkout").add(1)
    provider.shutdown()


def send_logs(url: str, compression: Compression) -> None:
    """One log record."""
    provider = LoggerProvider(shutdown_on_exit=False)
    exporter = OTLPLogExporter(f"{url}/v1/logs", compression=compression)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    record = logging.LogRecord("test", logging.WARNING, "", 0, "checkout", None, None)
    LoggingHandler(logger_provider=provider).emit(record)
    provider.shutdown()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
@pytest.mark.parametrize(
    ("kind", "send"), [(Signal.TRACES, send_traces), (Signal.METRICS, send_metrics), (Signal.LOGS, send_logs)]
)
def test_what_an_sdk_sends_is_in_kafka(
    exporter: ExporterProcess,
    mock_kafka: MockKafka,
    topics: dict[Signal, str],
    kind: Signal,
    send: Callable[[str, Compression], None],
    compression: Compression,
):
    """Each signal, with and without gzip."""
    send(f"http://{exporter.otlp_http}", compression)
    (record,) = mock_kafka.read(topics[kind], 1)
    value = record.value()
    assert value is not None
    assert b"checkout" in value
    assert SIGNALS[kind].request.FromString(value).ByteSize() == len(value)


def test_json_becomes_the_same_record_as_protobuf(
    exporter: ExporterProcess, mock_kafka: MockKafka, topics: dict[Signal, str]
):
    """With ids in hex and 64-bit integers as strings; gzip or not."""
    span = {
        "name": "checkout",
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "startTimeUnixNano": "1544712660000000000",
        "kind": 2,
        "attributes": [{"key": "a", "value": {"intValue": "9007199254740993"}}],
    }
    text = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    for body, headers in ((text, {}), (gzip.compress(text), {"content_encoding": "gzip"})):
        answer = http1.post(port_of(exporter), body, "/v1/traces", http1.JSON, **headers)
        assert (answer.status, answer.body) == (200, b"{}")
    expected = ExportTraceServiceRequest()
    made: Any = (
        expected.resource_spans.add()
        .scope_spans.add()
        .spans.add(
            name="checkout",
            trace_id=bytes.fromhex("5b8efff798038103d269b633813fc60c"),
            span_id=bytes.fromhex("eee19b7ec3c1b174"),
            start_time_unix_nano=1544712660000000000,
            kind="SPAN_KIND_SERVER",
        )
    )
    made.attributes.add(key="a").value.int_value = 9007199254740993
    found = [
        ExportTraceServiceRequest.FromString(record.value() or b"")
        for record in mock_kafka.read(topics[Signal.TRACES], 2)
    ]
    assert found == [expected, expected]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"\xffgarbage", http1.PROTOBUF), (b"{", http1.JSON), (b'{"resourceSpans":7}', http1.JSON)],
)
def test_what_is_malformed_is_refused_and_not_forwarded(
    exporter: ExporterProcess, mock_kafka: MockKafka, topics: dict[Signal, str], body: bytes, content_type: str
):
    """In either encoding."""
    assert http1.post(port_of(exporter), body, content_type=content_type).status == 400
    good = samples.traces()
    assert http1.post(port_of(exporter), good).status == 200
    assert [record.value() for record in mock_kafka.read(topics[Signal.TRACES])] == [good]


def test_an_sdk_keeps_what_kafka_does_not_take_yet(tmp_path: Path):
    """The SDK retries after 503 by itself, and then the span is in the topic."""
    topic = f"traces-{uuid.uuid4()}"
    with MockKafka() as kafka:
        flags = [
            f"--kafka-exporter-brokers={kafka.bootstrap}",
            f"--kafka-exporter-traces-topic={topic}",
            "--kafka-exporter-request-timeout=500ms",
        ]
        with ExporterProcess(tmp_path, flags) as exporter:
            exporter.wait_ready()
            os.kill(kafka._process.pid, signal.SIGSTOP)
            span: Any = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("kept")
            span.end()
            sender = OTLPSpanExporter(f"http://{exporter.otlp_http}/v1/traces", timeout=60)
            told: list[SpanExportResult] = []
            thread = threading.Thread(target=lambda: told.append(sender.export([span])))
            thread.start()
            refused = 'kafka_otlp_exporter_requests_total{outcome="unavailable",signal="traces"}'
            try:
                wait_until(lambda: f"{refused} 0.0" not in exporter.metrics(), 20, lambda: "it was not refused")
            finally:
                os.kill(kafka._process.pid, signal.SIGCONT)
            thread.join(60)
            assert told == [SpanExportResult.SUCCESS]
        assert b"kept" in (kafka.read(topic)[-1].value() or b"")


def test_sigterm_answers_what_is_in_flight(mock_kafka: MockKafka, tmp_path: Path):
    """Records that linger are sent and answered 200, also on kept-alive connections; the exit code is 0."""
    flags = [f"--kafka-exporter-brokers={mock_kafka.bootstrap}", "--kafka-exporter-linger-ms=2000"]
    with ExporterProcess(tmp_path, flags) as exporter, contextlib.ExitStack() as ends:
        port = port_of(exporter.wait_ready())
        connections = [ends.enter_context(http1.connect(port)) for _ in range(10)]
        body = samples.traces()
        for connection in connections:
            connection.sendall(http1.head(content_length=len(body)) + body)
        wait_until(lambda: exporter.status()["openCalls"] == 10, 10, lambda: "the requests do not arrive")
        exporter.terminate()
        answers = [http1.read(connection) for connection in connections]
        assert {(answer.status, answer.headers.get("connection")) for answer in answers} == {(200, "close")}
        assert exporter.wait(10) == 0


def test_stalling_clients_cost_bounded_memory_and_keep_nobody_out(mock_kafka: MockKafka, tmp_path: Path):
    """A hundred of them on each port, with unfinished bodies; a good client is served, or told to retry."""
    flags = [f"--kafka-exporter-brokers={mock_kafka.bootstrap}", "--max-in-flight-bytes=33554432"]
    with ExporterProcess(tmp_path, flags) as exporter, contextlib.ExitStack() as ends:
        port = port_of(exporter.wait_ready())
        for _ in range(100):
            connection = ends.enter_context(http1.connect(port))
            connection.setblocking(False)
            connection.send(http1.head(content_length=4_000_000) + bytes(100_000))
        wait_until(lambda: exporter.status()["openCalls"] == 100, 10, lambda: "they do not arrive")
        answers = [http1.post(port, samples.traces())]
        while answers[-1].status != 200:
            assert answers[-1].status == 503
            assert len(answers) < 30
            answers.append(http1.post(port, samples.traces()))
        status = Path(f"/proc/{exporter.child.pid}/status").read_text()
        assert int(status.partition("VmHWM:")[2].split()[0]) < 256 * 1024
