"""What OK means, with a real Kafka: every span whose client got OK is in the topic."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from confluent_kafka import Message
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.beds.process import free_port, wait_until

pytestmark = pytest.mark.kafka

REQUESTS = 10_000
CLIENTS = 16


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker that the test may kill."""
    folder = tmp_path / "kafka"
    folder.mkdir()
    with KafkaBroker(folder) as broker:
        yield broker


class Clients:
    """SDK exporters that send one span a request, each with its own name, and note the answers."""

    def __init__(self, otlp: str) -> None:
        """Connect to the exporter at ``otlp``, ``host:port``."""
        self.ok: list[str] = []
        self.failed: list[str] = []
        self._otlp = otlp
        self._tracer = TracerProvider(shutdown_on_exit=False).get_tracer("delivery")

    @property
    def answered(self) -> int:
        """How many requests have ended."""
        return len(self.ok) + len(self.failed)

    def send(self, requests: int) -> None:
        """Send so many requests, from all clients at the same time, and wait until the last has ended."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(self._send, [range(first, requests, CLIENTS) for first in range(CLIENTS)]))

    def _send(self, numbers: range) -> None:
        # 45 s is longer than the exporter may take, so each answer comes from the exporter.
        exporter = OTLPSpanExporter(endpoint=self._otlp, insecure=True, timeout=45)
        for number in numbers:
            # The tracer returns the SDK's readable spans, but its return type is the API's.
            span: Any = self._tracer.start_span(f"request-{number}")
            span.end()
            result = exporter.export([span])
            (self.ok if result is SpanExportResult.SUCCESS else self.failed).append(span.name)
        exporter.shutdown()


def span_names(messages: list[Message]) -> list[str]:
    """The names of the spans in records, in order."""
    return [
        span.name
        for message in messages
        for resource in ExportTraceServiceRequest.FromString(message.value() or b"").resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def sentence_of(error: grpc.RpcError) -> str:
    """The answer that a client gets."""
    return str(error.details())


def one_span(name: str) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name=name, trace_id=b"t" * 16, span_id=b"s" * 8)
    return request


def export(otlp: str, request: ExportTraceServiceRequest, timeout: float = 20) -> grpc.RpcError | None:
    """Send one request without retrying, and return its error, or None for OK."""
    with grpc.insecure_channel(otlp) as channel:
        try:
            answer = TraceServiceStub(channel).Export(request, timeout=timeout)  # type: ignore[no-untyped-call]
        except grpc.RpcError as error:
            return error
    assert not answer.HasField("partial_success")
    return None


@pytest.mark.timeout(280)
def test_every_request_that_was_answered_ok_is_in_the_topic_though_the_broker_was_killed(
    own_kafka: KafkaBroker, tmp_path: Path
) -> None:
    """10,000 requests of the SDK's exporter, while the broker is killed and restarted: no span with an OK is lost."""
    own_kafka.create_topic("otlp_traces", partitions=3)
    flags = [f"--kafka-exporter-brokers={own_kafka.bootstrap()}", "--kafka-exporter-acks=all"]
    with ExporterProcess(tmp_path, flags) as exporter:
        clients = Clients(exporter.wait_ready().otlp)
        sending = threading.Thread(target=clients.send, args=[REQUESTS])
        sending.start()
        wait_until(lambda: clients.answered > REQUESTS // 3, 120, lambda: f"only {clients.answered} answers")
        own_kafka.kill()
        at_kill = clients.answered
        time.sleep(2)
        own_kafka.start()
        sending.join()
        read = span_names(own_kafka.read("otlp_traces"))
    assert clients.answered == REQUESTS
    assert REQUESTS // 3 < at_kill < REQUESTS
    assert len(clients.ok) > at_kill, "nothing was delivered after the restart"
    assert set(clients.ok) - set(read) == set()
    print(f"{len(clients.ok)} OK, {len(clients.failed)} failed, {len(read) - len(set(read))} duplicates in Kafka")


def test_a_drain_under_load_loses_nothing_and_ends_with_code_0(kafka: KafkaBroker, tmp_path: Path) -> None:
    """SIGTERM while clients send: every span with an OK is in the topic, and later requests are refused."""
    topic = "drained"
    kafka.create_topic(topic)
    flags = [f"--kafka-exporter-brokers={kafka.bootstrap()}", f"--kafka-exporter-traces-topic={topic}"]
    told: list[tuple[str, grpc.RpcError | None]] = []
    with ExporterProcess(tmp_path, [*flags, "--shutdown-timeout=10s"]) as exporter:
        otlp = exporter.wait_ready().otlp
        stop = threading.Event()

        def send(client: int) -> None:
            number = 0
            while not stop.is_set():
                name = f"drain-{client}-{number}"
                told.append((name, export(otlp, one_span(name))))
                number += 1

        with ThreadPoolExecutor(8) as pool:
            sending = [pool.submit(send, client) for client in range(8)]
            wait_until(lambda: len(told) > 200, 30, lambda: "the clients do not get on")
            exporter.terminate()
            code = exporter.wait(12)
            stop.set()
            for client in sending:
                client.result(30)
    ok = {name for name, error in told if error is None}
    refused = {error.code() for _, error in told if error is not None}
    assert code == 0
    assert len(ok) > 200
    assert ok - set(span_names(kafka.read(topic))) == set()
    # gRPC itself cancels a call that arrives while the port closes; OTLP calls both codes retryable.
    assert refused <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


def test_a_frozen_broker_makes_calls_unavailable_in_time_and_a_thawed_one_heals_them(
    own_kafka: KafkaBroker, tmp_path: Path
) -> None:
    """A call waits for requestTimeout and no longer, and so does its record. The exporter needs no restart afterwards."""
    flags = [f"--kafka-exporter-brokers={own_kafka.bootstrap()}", "--kafka-exporter-request-timeout=3s"]
    with ExporterProcess(tmp_path, flags) as exporter:
        otlp = exporter.wait_ready().otlp
        assert export(otlp, one_span("before")) is None
        own_kafka.pause()
        began = time.monotonic()
        error = export(otlp, one_span("frozen"))
        waited = time.monotonic() - began
        wait_until(lambda: exporter.status()["inFlightBytes"] == 0, 20, lambda: "the record stays in the producer")
        own_kafka.resume()
        assert error is not None
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "requestTimeout" in sentence_of(error)
        assert 2.9 < waited < 6
        wait_until(lambda: export(otlp, one_span("after")) is None, 60, lambda: "it does not heal")


def test_with_no_broker_the_exporter_is_alive_and_not_ready_and_says_why(tmp_path: Path) -> None:
    """Liveness never depends on Kafka. Readiness and status name the address that does not answer."""
    address = f"127.0.0.1:{free_port()}"
    flags = [f"--kafka-exporter-brokers={address}", "--kafka-exporter-request-timeout=2s", "--shutdown-timeout=3s"]
    with ExporterProcess(tmp_path, flags) as exporter:
        exporter.child.wait_until(lambda: "kafka_not_connected" in exporter.log, 20, "line about Kafka")
        status = exporter.status()
        assert not exporter.ready()
        assert status["kafka"]["reason"] == "KafkaUnreachable"
        assert address in status["kafka"]["message"]
        error = export(exporter.otlp, one_span("nowhere"))
        assert error is not None
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        exporter.terminate()
        assert exporter.wait(5) == 0


@pytest.mark.parametrize(
    ("flags", "topic_config", "sentence"),
    [
        (["--kafka-exporter-custom-config=allow.auto.create.topics=false"], None, "does not exist"),
        ([], {"max.message.bytes": "200"}, "max.message.bytes"),
    ],
)
def test_what_an_administrator_can_repair_is_unavailable_with_its_cause(
    kafka: KafkaBroker, tmp_path: Path, flags: list[str], topic_config: dict[str, str] | None, sentence: str
) -> None:
    """The client keeps its telemetry, and the answer says what to fix."""
    topic = "absent" if topic_config is None else "narrow"
    if topic_config is not None:
        kafka.create_topic(topic, config=topic_config)
    brokers = [f"--kafka-exporter-brokers={kafka.bootstrap()}", f"--kafka-exporter-traces-topic={topic}"]
    with ExporterProcess(tmp_path, [*brokers, *flags]) as exporter:
        error = export(exporter.wait_ready().otlp, one_span("x" * 500))
        assert error is not None
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert topic in sentence_of(error)
        assert sentence in sentence_of(error)
        assert exporter.status()["lastFailure"]["message"] == sentence_of(error)
        assert "request_unavailable" in exporter.log
        if topic_config is None:
            kafka.create_topic(topic)
            wait_until(
                lambda: export(exporter.otlp, one_span("healed")) is None, 30, lambda: "it does not heal by itself"
            )


def test_a_request_is_forwarded_byte_for_byte_with_headers_and_a_null_key(kafka: KafkaBroker, tmp_path: Path) -> None:
    """Fields that this version does not know reach Kafka unchanged."""
    topic = "untouched"
    kafka.create_topic(topic)
    # Field 777, a string: unknown to every version.
    payload = one_span("known").SerializeToString() + b"\xca\x30\x03new"
    flags = [f"--kafka-exporter-brokers={kafka.bootstrap()}", f"--kafka-exporter-traces-topic={topic}"]
    with ExporterProcess(tmp_path, flags) as exporter, grpc.insecure_channel(exporter.wait_ready().otlp) as channel:
        call: Any = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        assert call(payload, timeout=20, compression=grpc.Compression.Gzip) == b""
        [record] = kafka.read(topic, 1)
    assert record.value() == payload
    assert record.key() is None
    assert record.headers() == [("content-type", b"application/x-protobuf"), ("otlp.signal", b"traces")]


def test_a_large_request_arrives_in_several_records_under_its_resources_keys(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    """Split and keyed: each log record is there once, each resource in one partition; the oversized one is reported."""
    kafka.create_topic("keyed", partitions=8)
    request = ExportLogsServiceRequest()
    for service in [f"service-{number}" for number in range(20)] * 2:
        resource = request.resource_logs.add()
        resource.resource.attributes.add(key="service.name").value.string_value = service
        for number in range(10):
            resource.scope_logs.add().log_records.add().body.string_value = f"{service} {number} " + "x" * 500
    request.resource_logs[7].scope_logs[0].log_records.add().body.string_value = "y" * 9000
    flags = [
        f"--kafka-exporter-brokers={kafka.bootstrap()}",
        "--kafka-exporter-logs-topic=keyed",
        "--kafka-exporter-partition-logs-by-resource-attributes",
        "--kafka-exporter-partitioner=murmur2-random",
        "--kafka-exporter-max-message-bytes=8000",
    ]
    with ExporterProcess(tmp_path, flags) as exporter, grpc.insecure_channel(exporter.wait_ready().otlp) as channel:
        answer = LogsServiceStub(channel).Export(request, timeout=20)  # type: ignore[no-untyped-call]
    assert answer.partial_success.rejected_log_records == 1
    assert "service-7" in answer.partial_success.error_message
    places: dict[str, set[tuple[int | None, bytes]]] = {}
    bodies: list[str] = []
    for record in kafka.read("keyed"):
        value = record.value() or b""
        assert len(value) < 8000
        for resource in ExportLogsServiceRequest.FromString(value).resource_logs:
            service = resource.resource.attributes[0].value.string_value
            places.setdefault(service, set()).add((record.partition(), bytes(record.key() or b"")))
            bodies += [log.body.string_value for scope in resource.scope_logs for log in scope.log_records]
    assert len(bodies) == 20 * 2 * 10
    assert sorted(set(bodies)) == sorted({f"service-{s} {n} " + "x" * 500 for s in range(20) for n in range(10)})
    assert all(len(place) == 1 for place in places.values()), "a resource has one key and one partition"
    assert len({partition for place in places.values() for partition, _ in place}) > 1
