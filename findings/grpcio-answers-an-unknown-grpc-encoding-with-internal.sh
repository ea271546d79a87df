#!/usr/bin/env bash
# A grpcio server answers a call in a compression that it does not know with INTERNAL, and does not say which it knows.
#
# Seen with grpcio 1.84.0 and h2 4.3.0 as the client: `grpc-encoding: zstd` is answered `grpc-status: 13` (INTERNAL). The
# server's handler is called, but it does not see the header, and the status that it sets itself is replaced. gRPC's own document on
# compression asks for UNIMPLEMENTED and for `grpc-accept-encoding` in that answer. An OpenTelemetry Collector whose exporter has `compression: zstd` takes INTERNAL for
# permanent, and drops the batch.
#
# What the exporter does about it: it cannot be changed above gRPC's core; docs/decisions/http.md says what to set on the client.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.84.0 h2==4.3.0

cat > "$folder/seen.py" <<'PYTHON'
import socket
from concurrent.futures import ThreadPoolExecutor

import grpc
import h2.config
import h2.connection
import h2.events

calls = []


class Any(grpc.GenericRpcHandler):
    def service(self, details):
        calls.append(details.method)
        return grpc.stream_unary_rpc_method_handler(self.call)

    def call(self, requests, context):
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "the handler's own answer")


server = grpc.server(ThreadPoolExecutor(2))
server.add_generic_rpc_handlers([Any()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()


def answer(encoding):
    fields = {}
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        state.initiate_connection()
        state.send_headers(1, [
            (":method", "POST"), (":scheme", "http"), (":path", "/finding.Service/Call"), (":authority", "finding"),
            ("content-type", "application/grpc"), ("te", "trailers"), ("grpc-encoding", encoding),
        ])
        state.send_data(1, b"\0\0\0\0\0", end_stream=True)
        connection.sendall(state.data_to_send())
        ended = False
        while not ended and (received := connection.recv(65536)):
            for event in state.receive_data(received):
                if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    fields.update(event.headers)
                ended = ended or isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset))
            connection.sendall(state.data_to_send())
    return fields


for encoding in ("identity", "zstd", "snappy"):
    calls.clear()
    fields = answer(encoding)
    said = encoding == "identity" or "grpc-accept-encoding" in fields
    print(f"{encoding}: grpc-status {fields.get('grpc-status')}, {'' if said else 'no grpc-accept-encoding, '}"
          f"the handler was called: {bool(calls)}")
server.stop(None)
PYTHON

"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
identity: grpc-status 12, the handler was called: True
zstd: grpc-status 13, no grpc-accept-encoding, the handler was called: True
snappy: grpc-status 13, no grpc-accept-encoding, the handler was called: True
SEEN
echo "as described"
