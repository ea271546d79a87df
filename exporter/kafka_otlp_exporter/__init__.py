"""The exporter: it takes OTLP, writes it to Kafka, and answers OK only after Kafka has acknowledged.

Data flows one way: bytes -> ``receivers`` -> ``flow`` -> ``records`` -> ``kafka``, and back as ``outcomes`` -> status code.
The exporter must know nothing of Kubernetes; it also runs alone on a laptop.
"""

import os

# gRPC writes a line to stderr for each failed handshake, and it is not JSON. Our own log says the same. The variable is read
# when grpc is imported, so it is set before any module here can import grpc.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
