"""Posts one log record as OTLP/JSON and reads its record from Kafka: one JSON line says how it went.

stdin: {"url": of /v1/logs, "client": librdkafka's properties, "topic": name, "seconds": number}
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, Message


def main() -> None:
    """Print {status, type, answer, sent, key, headers, value} as JSON."""
    asked = json.load(sys.stdin)
    run = str(uuid.uuid4())
    sent = {
        "resourceLogs": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]},
                "scopeLogs": [{"logRecords": [{"timeUnixNano": "1700000000000000000", "body": {"stringValue": run}}]}],
            }
        ]
    }
    status, kind, answer = post(asked["url"], json.dumps(sent).encode())
    record = find(asked["client"], asked["topic"], run, asked["seconds"])
    said: dict[str, Any] = {"status": status, "type": kind, "answer": answer, "sent": sent}
    if record is not None:
        pairs: Any = record.headers() or []
        headers = [[name, text(value)] for name, value in pairs]
        said |= {"key": as_bytes(record.key()).hex(), "headers": headers, "value": json.loads(text(record.value()))}
    print(json.dumps(said))


def as_bytes(found: str | bytes | None) -> bytes:
    """What a record holds, as confluent_kafka gives it."""
    return found.encode() if isinstance(found, str) else found or b""


def text(found: str | bytes | None) -> str:
    """The same as text."""
    return as_bytes(found).decode()


def post(url: str, body: bytes) -> tuple[int, str | None, str]:
    """Status, content type and text of the answer."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["Content-Type"], answer.read().decode()


def find(client: Mapping[str, str], topic: str, run: str, seconds: float) -> Message | None:
    """The topic's record that holds the text, if it comes in time."""
    consumer = Consumer({**client, "group.id": run, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([topic])
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            for message in consumer.consume(num_messages=100, timeout=0.5):
                if message.error() is None and run.encode() in as_bytes(message.value()):
                    return message
    finally:
        consumer.close()
    return None


if __name__ == "__main__":
    main()
