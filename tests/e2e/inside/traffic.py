"""A client that keeps sending log records, as an SDK does: what is not answered OK is sent again. Then it counts.

stdin: {"endpoint": host:port, "client": librdkafka's properties, "topic": of logs, "seconds": number, "rate": number}
stdout: one JSON line. What Kafka acknowledged and does not have is ``lost``; what the client had to give up is
``abandoned``; ``refused`` counts the answers that were not OK and were followed by another try.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

_CLIENTS = 4
_CALL_SECONDS = 10
_PATIENCE_SECONDS = 90


@dataclass
class Counts:
    """What all clients together saw."""

    acknowledged: set[str] = field(default_factory=set)
    abandoned: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)


def main() -> None:
    """Send, read back, print."""
    asked = json.load(sys.stdin)
    run, counts = uuid.uuid4().hex, Counts()
    clients = [threading.Thread(target=_client, args=(asked, f"{run}-{number}", counts)) for number in range(_CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    held = _held(asked["client"], asked["topic"], run)
    answer = {
        "acknowledged": len(counts.acknowledged),
        "abandoned": len(counts.abandoned),
        "refused": dict(counts.refused),
        "lost": sorted(counts.acknowledged - held.keys())[:10],
        "doubled": sum(count - 1 for count in held.values()),
    }
    print(json.dumps(answer))


def _client(asked: Mapping[str, Any], name: str, counts: Counts) -> None:
    pause = _CLIENTS / asked["rate"]
    until = time.monotonic() + asked["seconds"]
    # A channel of its own: with a shared one all clients would be connected to the same pod.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(asked["endpoint"], options=options) as channel:
        stub = LogsServiceStub(channel)  # type: ignore[no-untyped-call]
        number = 0
        while time.monotonic() < until:
            started = time.monotonic()
            _send(stub, f"{name}-{number}", counts)
            number += 1
            time.sleep(max(0.0, pause - (time.monotonic() - started)))


def _send(stub: LogsServiceStub, body: str, counts: Counts) -> None:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = body
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = stub.Export(request, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            counts.refused[error.code().name] += 1
            time.sleep(0.2)
        else:
            if not answer.partial_success.rejected_log_records:
                counts.acknowledged.add(body)
            return
    counts.abandoned.add(body)


def _held(client: Mapping[str, str], topic: str, run: str) -> Counter[str]:
    consumer = Consumer({"group.id": run, "enable.auto.commit": False, **client})
    try:
        numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10) for number in numbers}
        wanted = sum(high - low for low, high in ends.values())
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
        held: Counter[str] = Counter()
        read, deadline = 0, time.monotonic() + 60
        while read < wanted and time.monotonic() < deadline:
            for message in consumer.consume(num_messages=1000, timeout=0.2):
                if message.error() is None:
                    read += 1
                    held.update(_bodies(message.value() or b"", run))
        return held
    finally:
        consumer.close()


def _bodies(value: bytes, run: str) -> list[str]:
    request = ExportLogsServiceRequest.FromString(value)
    found = [
        record.body.string_value
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    return [body for body in found if body.startswith(run)]


if __name__ == "__main__":
    main()
