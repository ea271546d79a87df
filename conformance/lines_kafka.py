"""What arrived: lines about content, for servers that write OTLP in protobuf into Kafka topics (KAFKA=host:port)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition
from google.protobuf.message import DecodeError

from conformance import telemetry
from conformance import telemetry_json as otlp
from conformance.grpc_client import call
from conformance.http_client import JSON, post
from conformance.lines_grpc import accepted
from conformance.lines_http import accepted as accepted_by_http
from conformance.signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from conformance.table import Finding, Level, NotProvoked, expect, line
from conformance.target import Need, Target
from tests.beds.records import SILENT

SECONDS = 20.0
FULL = "Full Success"
ENCODING = "JSON Protobuf Encoding"


@line("G3.5", Level.SHOULD, "What was answered OK arrives as it was sent.", FULL, Need.GRPC, Need.KAFKA)
def _(target: Target) -> None:
    for signal in SIGNALS:

        def send(service: str, signal: Signal = signal) -> None:
            accepted(call(target.grpc, signal.method, telemetry.valid(signal, service)), signal.name)

        service, found = _arrived(target, signal, send)
        _same(found, telemetry.message(signal, service), signal.name)


@line(
    "G4.3",
    Level.SHOULD,
    "The items beside the rejected one arrive.",
    "Partial Success",
    Need.GRPC,
    Need.KAFKA,
)
def _(target: Target) -> None:
    def send(service: str) -> None:
        got = call(target.grpc, LOGS.method, telemetry.one_large_log(3 * telemetry.MIB, service))
        if not got.ok or not LOGS.answer(got.message).partial_success.rejected_log_records:
            raise NotProvoked(f"a request with one item of 3 MiB is answered {got}, and nothing of it is rejected")

    service, found = _arrived(target, LOGS, send)
    _same(found, telemetry.logs(service), "the record beside it")


@line("G8.4", Level.MAY, "Fields that nobody knows yet arrive.", "Future Versions", Need.GRPC, Need.KAFKA)
def _(target: Target) -> None:
    def send(service: str) -> None:
        # This is a field of the request, and also of the span, because it is the last one: protobuf messages may be joined.
        accepted(call(target.grpc, TRACES.method, _with_unknown_field(service)))

    _, found = _arrived(target, TRACES, send)
    expect(telemetry.UNKNOWN_FIELD in _span(found).SerializeToString(), "the span without its unknown field")


@line("G8.5", Level.SHOULD, "Attributes of every kind arrive as they were sent.", FULL, Need.GRPC, Need.KAFKA)
def _(target: Target) -> None:
    def request(service: str) -> Any:
        sent = telemetry.traces(service)
        for number, value in enumerate(telemetry.any_values()):
            _span(sent).attributes.add(key=f"kind-{number}").value.CopyFrom(value)
        return sent

    def send(service: str) -> None:
        accepted(call(target.grpc, TRACES.method, request(service).SerializeToString()))

    service, found = _arrived(target, TRACES, send)
    _same(found, request(service), "attributes")


@line("J1.5", Level.MUST, "Ids in hex arrive as their bytes.", ENCODING, Need.HTTP, Need.KAFKA)
def _(target: Target) -> None:
    for signal in SIGNALS:
        _, found = _arrived(target, signal, _sender(target, signal, otlp.valid))
        for name, item in _with_ids(signal, found):
            ids = (item.trace_id, item.span_id)
            expect(ids == (telemetry.TRACE_ID, telemetry.SPAN_ID), f"{name}: {ids[0].hex()}, {ids[1].hex()}")
        if signal is TRACES:
            expect(_span(found).parent_span_id == telemetry.PARENT_ID, f"parent {_span(found).parent_span_id.hex()}")


@line("J3.2", Level.MAY, "Values under names in snake_case arrive.", ENCODING, Need.HTTP, Need.KAFKA)
def _(target: Target) -> None:
    def send(service: str) -> None:
        body = otlp.traces(service, traceId=None, trace_id=telemetry.TRACE_ID.hex(), dropped_links_count=5)
        got = post(target.http, TRACES.path, body, JSON)
        if got.status == 400:
            raise NotProvoked("they are refused")
        accepted_by_http(got)

    span = _span(_arrived(target, TRACES, send)[1])
    seen = (span.trace_id.hex(), span.dropped_links_count)
    expect(seen == (telemetry.TRACE_ID.hex(), 5), f"trace_id {seen[0]!r}, dropped_links_count {seen[1]}")


@line(
    "J5.5",
    Level.MUST,
    "64-bit integers arrive exactly, from strings and from numbers.",
    ENCODING,
    Need.HTTP,
    Need.KAFKA,
)
def _(target: Target) -> None:
    for value in (2**53 + 1, -(2**63)):
        for written in (value, str(value)):
            send = _sender(target, METRICS, lambda service, written=written: otlp.metrics(service, asInt=written))
            found = _arrived(target, METRICS, send)[1].scope_metrics[0].metrics[0].sum.data_points[0].as_int
            expect(found == value, f"{found} for {written!r}")


@line("J6.4", Level.MUST, "bytesValue arrives as the bytes that its base64 means.", ENCODING, Need.HTTP, Need.KAFKA)
def _(target: Target) -> None:
    attributes = [{"key": "k", "value": {"bytesValue": "AP8="}}]
    send = _sender(target, TRACES, lambda service: otlp.traces(service, attributes=attributes))
    found = _span(_arrived(target, TRACES, send)[1]).attributes[0].value.bytes_value
    expect(found == b"\x00\xff", found.hex())


def _sender(target: Target, signal: Signal, made: Callable[..., bytes]) -> Callable[[str], None]:
    def send(service: str) -> None:
        body = made(service) if made is not otlp.valid else otlp.valid(signal, service)
        accepted_by_http(post(target.http, signal.path, body, JSON), signal.name)

    return send


def _with_ids(signal: Signal, found: Any) -> list[tuple[str, Any]]:
    if signal is TRACES:
        return [("span", _span(found)), ("link", _span(found).links[0])]
    if signal is METRICS:
        return [("exemplar", found.scope_metrics[0].metrics[0].sum.data_points[0].exemplars[0])]
    return [("log record", found.scope_logs[0].log_records[0])]


def _span(found: Any) -> Any:
    envelope = found.resource_spans[0] if hasattr(found, "resource_spans") else found
    return envelope.scope_spans[0].spans[0]


def _with_unknown_field(service: str) -> bytes:
    request = telemetry.traces(service)
    _span(request).MergeFromString(telemetry.UNKNOWN_FIELD)
    return bytes(request.SerializeToString())


def _same(found: Any, sent: Any, what: str) -> None:
    """Check that the one envelope of the request arrived. Raises Finding when another did."""
    envelope = getattr(sent, sent.DESCRIPTOR.fields[0].name)[0]
    expect(_bare(found) == _bare(envelope), f"{what}: arrived with another content")


def _bare(message: Any) -> bytes:
    """The message without empty messages, which a server may add. It is compared as bytes, in which NaN equals itself."""
    copy = type(message)()
    copy.CopyFrom(message)
    todo = [copy]
    while todo:
        current = todo.pop()
        for field, value in current.ListFields():
            if field.message_type is None:
                continue
            if not field.is_repeated and field.containing_oneof is None and not value.ByteSize():
                current.ClearField(field.name)
            else:
                todo.extend(value if field.is_repeated else [value])
    return bytes(copy.SerializeToString(deterministic=True))


def _arrived(target: Target, signal: Signal, send: Callable[[str], None]) -> tuple[str, Any]:
    """Send with a service name of its own, and wait for the envelope of that service. Raises Finding.

    The name and the envelope, ``ResourceSpans`` or the like.
    """
    service = f"conformance-{uuid.uuid4()}"
    topic = target.topics[SIGNALS.index(signal)]
    consumer = Consumer(
        {"bootstrap.servers": target.addresses[Need.KAFKA], "group.id": service, "enable.auto.commit": False},
        logger=SILENT,
    )
    try:
        consumer.assign(_ends(consumer, topic))
        send(service)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            record = consumer.poll(0.2)
            if record is not None and record.error() is None:
                for envelope in _envelopes(signal, record.value() or b""):
                    if any(pair.value.string_value == service for pair in envelope.resource.attributes):
                        return service, envelope
        raise Finding(f"{signal.name}: not in topic {topic} after {SECONDS:.0f} s")
    finally:
        consumer.close()


def _ends(consumer: Consumer, topic: str) -> list[TopicPartition]:
    """The current end of the topic, where later records will be. Raises Finding without such a topic."""
    found = consumer.list_topics(topic, timeout=SECONDS).topics[topic]
    if found.error is not None and found.error.code() != KafkaError.NO_ERROR:
        raise Finding(f"topic {topic}: {found.error.str()}")
    partitions = [TopicPartition(topic, number) for number in found.partitions]
    for partition in partitions:
        partition.offset = consumer.get_watermark_offsets(partition, timeout=SECONDS)[1]
    return partitions


def _envelopes(signal: Signal, value: bytes) -> list[Any]:
    request = signal.request()
    try:
        request.ParseFromString(value)
    except DecodeError:
        return []
    return list(getattr(request, request.DESCRIPTOR.fields[0].name))
