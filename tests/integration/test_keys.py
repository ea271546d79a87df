"""Keys and formats with a real Kafka: the records hold what was sent, in the partition of their key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from confluent_kafka import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.integration.test_delivery import export, one_span, span_names

pytestmark = pytest.mark.kafka


def log_of(service: str, trace_id: bytes, text: str) -> ExportLogsServiceRequest:
    """A request of one log record."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = service
    resource.resource.attributes.add(key="k8s.pod.name").value.string_value = f"{service}-{text[:8]}"
    resource.scope_logs.add().log_records.add(trace_id=trace_id).body.string_value = text
    return request


def many_logs() -> ExportLogsServiceRequest:
    """200 log records of ten services, each service with its own pod; of seven traces, and some without a trace."""
    request = ExportLogsServiceRequest()
    for number in range(200):
        trace_id = bytes(15) + bytes([number % 8]) if number % 3 else b""
        request.MergeFrom(log_of(f"service-{number % 10}", trace_id, f"{number:08d} " + "x" * 300))
    return request


def exported(kafka: KafkaBroker, folder: Path, topic: str, flags: list[str], partitions: int = 8) -> list[Message]:
    """Send many logs through an exporter with these flags, and return the records."""
    kafka.create_topic(topic, partitions=partitions)
    all_flags = [
        f"--kafka-exporter-brokers={kafka.bootstrap()}",
        f"--kafka-exporter-logs-topic={topic}",
        "--kafka-exporter-partitioner=murmur2-random",
        "--kafka-exporter-max-message-bytes=8000",
        *flags,
    ]
    with ExporterProcess(folder, all_flags) as exporter, grpc.insecure_channel(exporter.wait_ready().otlp) as channel:
        answer = LogsServiceStub(channel).Export(many_logs(), timeout=20)  # type: ignore[no-untyped-call]
    assert not answer.HasField("partial_success")
    found = kafka.read(topic)
    assert all(len(record.value() or b"") < 8000 for record in found)
    return found


def each_log(request: Any) -> Iterator[tuple[bytes, bytes]]:
    """Resource and record of each log, serialised."""
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for one in scope.log_records:
                yield resource.resource.SerializeToString(), one.SerializeToString()


def places(records: list[Message]) -> dict[bytes | None, set[int | None]]:
    """The partitions of the records of each key."""
    found: dict[bytes | None, set[int | None]] = {}
    for record in records:
        key = record.key()
        found.setdefault(None if key is None else bytes(key), set()).add(record.partition())
    return found


def test_logs_of_one_trace_go_to_one_partition_under_its_id(kafka: KafkaBroker, tmp_path: Path) -> None:
    """A log without a trace id has no key; every log is read back as it was sent, in its own resource."""
    found = exported(kafka, tmp_path, "logs-by-trace", ["--kafka-exporter-partition-logs-by-trace-id"])
    read: list[tuple[bytes, bytes]] = []
    for record in found:
        request = ExportLogsServiceRequest.FromString(record.value() or b"")
        read += each_log(request)
        for resource in request.resource_logs:
            for one in resource.scope_logs[0].log_records:
                assert record.key() == (one.trace_id.hex().encode() if any(one.trace_id) else None)
    assert sorted(read) == sorted(each_log(many_logs()))
    keyed = {key: partitions for key, partitions in places(found).items() if key is not None}
    assert len(keyed) == 7
    assert all(len(partitions) == 1 for partitions in keyed.values())


def test_spans_of_one_trace_share_a_record_whatever_service_sent_them(kafka: KafkaBroker, tmp_path: Path) -> None:
    """One request, three services, two traces: two records."""
    kafka.create_topic("traces-by-trace", partitions=8)
    request = ExportTraceServiceRequest()
    for number in range(12):
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = f"service-{number % 3}"
        resource.scope_spans.add().spans.add(name=f"span-{number}", trace_id=bytes([1 + number % 2]) * 16)
    flags = [
        f"--kafka-exporter-brokers={kafka.bootstrap()}",
        "--kafka-exporter-traces-topic=traces-by-trace",
        "--kafka-exporter-partition-traces-by-trace-id",
    ]
    with ExporterProcess(tmp_path, flags) as exporter:
        assert export(exporter.wait_ready().otlp, request) is None
    found = {bytes(record.key() or b""): span_names([record]) for record in kafka.read("traces-by-trace")}
    assert found == {
        b"01" * 16: [f"span-{number}" for number in range(0, 12, 2)],
        b"02" * 16: [f"span-{number}" for number in range(1, 12, 2)],
    }


def test_traces_of_one_resource_have_the_collectors_key(kafka: KafkaBroker, tmp_path: Path) -> None:
    """The golden vector of service.name=checkout."""
    kafka.create_topic("traces-by-resource", partitions=8)
    request = one_span("keyed")
    request.resource_spans[0].resource.attributes.add(key="service.name").value.string_value = "checkout"
    flags = [
        f"--kafka-exporter-brokers={kafka.bootstrap()}",
        "--kafka-exporter-traces-topic=traces-by-resource",
        "--kafka-exporter-partition-traces-by-resource-attributes",
    ]
    with ExporterProcess(tmp_path, flags) as exporter:
        assert export(exporter.wait_ready().otlp, request) is None
    [record] = kafka.read("traces-by-resource")
    assert bytes(record.key() or b"").hex() == "831d0817d731c2054ac194e9ddcf7e5c"
    assert record.value() == request.SerializeToString()


def test_logs_of_one_service_go_to_one_partition_whatever_pod_they_come_from(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    """The key is made from the named attribute only."""
    found = exported(kafka, tmp_path, "logs-by-service", ["--kafka-exporter-partition-key-attributes=service.name"])
    services: dict[bytes | None, set[str]] = {}
    read: list[tuple[bytes, bytes]] = []
    for record in found:
        request = ExportLogsServiceRequest.FromString(record.value() or b"")
        read += each_log(request)
        names = {resource.resource.attributes[0].value.string_value for resource in request.resource_logs}
        services.setdefault(bytes(record.key() or b"") or None, set()).update(names)
    assert sorted(read) == sorted(each_log(many_logs()))
    assert None not in services
    assert sorted(map(sorted, services.values())) == [[f"service-{number}"] for number in range(10)]
    assert all(len(partitions) == 1 for partitions in places(found).values())


def test_json_is_what_was_sent_and_fits(kafka: KafkaBroker, tmp_path: Path) -> None:
    """Split by its size as JSON, in order, with its own content type."""
    found = exported(kafka, tmp_path, "logs-in-json", ["--kafka-exporter-format=json"], partitions=1)
    assert len(found) > 5
    read: list[Any] = []
    for record in found:
        assert record.key() is None
        assert record.headers() == [("content-type", b"application/json"), ("otlp.signal", b"logs")]
        read += json.loads(record.value() or b"")["resourceLogs"]
    assert [one["resource"]["attributes"] for one in read] == [
        [
            {"key": attribute.key, "value": {"stringValue": attribute.value.string_value}}
            for attribute in resource.resource.attributes
        ]
        for resource in many_logs().resource_logs
    ]
    assert [one["scopeLogs"][0]["logRecords"] for one in read] == [
        [
            {"body": {"stringValue": log.body.string_value}} | ({"traceId": log.trace_id.hex()} if log.trace_id else {})
            for log in resource.scope_logs[0].log_records
        ]
        for resource in many_logs().resource_logs
    ]
