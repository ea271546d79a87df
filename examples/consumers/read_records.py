"""Prints the name and the service of every span in a topic: python read_records.py kafka:9092 otlp_traces.

It needs: pip install confluent-kafka opentelemetry-proto.
"""

import sys

from confluent_kafka import Consumer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

brokers, topic = sys.argv[1:]
consumer = Consumer({"bootstrap.servers": brokers, "group.id": "read-records-python", "auto.offset.reset": "earliest"})
consumer.subscribe([topic])
while True:
    record = consumer.poll(1)
    if record is None or record.error():  # nothing new, or an error that librdkafka recovers from by itself
        continue
    headers = dict(record.headers())
    if headers["content-type"] != b"application/x-protobuf":
        raise SystemExit(f"{topic} has records in {headers['content-type'].decode()}")
    for envelope in ExportTraceServiceRequest.FromString(record.value()).resource_spans:
        service = {one.key: one.value.string_value for one in envelope.resource.attributes}.get("service.name")
        for scope in envelope.scope_spans:
            for span in scope.spans:
                print(service, span.name, flush=True)
