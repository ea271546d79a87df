"""Sends the demo's telemetry with the OpenTelemetry SDK and reads it back: one JSON line says how it went.

stdin: {"endpoint": host:port, "client": librdkafka's properties, "topics": signal to topic, "seconds": number}
"""

from __future__ import annotations

import json
import sys
import uuid
from collections import Counter
from contextlib import closing

from tools.demo import telemetry
from tools.demo.topics import Topics


def main() -> None:
    """Print {sent, refused, missing, topics, keys...} as JSON."""
    asked = json.load(sys.stdin)
    run = str(uuid.uuid4())
    with closing(Topics(asked["client"], asked["topics"])) as topics:
        sent = telemetry.send(asked["endpoint"], run)
        records = topics.read(run, sent.items.elements(), asked["seconds"])
    came = Counter(item for record in records for item in record.items)
    answer = {
        "sent": sent.items.total(),
        "refused": sorted(sent.refused),
        "missing": [f"{item.signal} {item.name}" for item in (sent.items - came).elements()],
        "doubled": [f"{item.signal} {item.name}" for item in (came - sent.items).elements()],
        "topics": sorted({record.topic for record in records}),
        "headers": sorted({pair for record in records for pair in record.headers}),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
