#!/usr/bin/env bash
# OpenTelemetry's gRPC exporter for Python does not wait as long as RetryInfo asks, where servers put it.
#
# Seen with opentelemetry-exporter-otlp-proto-grpc 1.45.2 and grpcio 1.84.0: a server answers UNAVAILABLE, and the
# google.rpc.Status in the trailer `grpc-status-details-bin` holds a RetryInfo of 4 s, which is the place that the OTLP
# specification means ("OTLP/gRPC Throttling"). The client sends again after about 1 s. It reads the delay from a trailer
# `google.rpc.retryinfo-bin` alone: with that trailer it waits 4 s.
#
# What the exporter does about it: it sends both.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.84.0 googleapis-common-protos==1.75.0 \
  opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-grpc==1.45.2

cat > "$folder/seen.py" <<'PYTHON'
import logging
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

logging.disable(logging.CRITICAL)
DELAY = RetryInfo(retry_delay=Duration(seconds=4))


def status():
    found = Status(code=14, message="not now")
    found.details.add().Pack(DELAY)
    return found.SerializeToString()


TRAILERS = {
    "grpc-status-details-bin": status,
    "google.rpc.retryinfo-bin": DELAY.SerializeToString,
}


class Service(grpc.GenericRpcHandler):
    """Answers the first call UNAVAILABLE with one trailer, and the second OK."""

    def __init__(self, trailer):
        self.trailer = trailer
        self.times = []

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.export)

    def export(self, request, context):
        self.times.append(time.monotonic())
        if len(self.times) == 1:
            context.set_trailing_metadata([(self.trailer, TRAILERS[self.trailer]())])
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return ExportTraceServiceResponse().SerializeToString()


for trailer in TRAILERS:
    service = Service(trailer)
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([service])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"http://127.0.0.1:{port}", insecure=True)))
    provider.get_tracer("finding").start_span("one").end()
    waited = service.times[1] - service.times[0]
    print(f"{trailer}: the second attempt {'waits for the 4 s' if waited >= 3.9 else 'comes before 2 s' if waited < 2 else waited}")
    provider.shutdown()
    server.stop(None)
PYTHON

"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
grpc-status-details-bin: the second attempt comes before 2 s
google.rpc.retryinfo-bin: the second attempt waits for the 4 s
SEEN
echo "as described"
