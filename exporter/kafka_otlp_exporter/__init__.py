"""The exporter: takes OTLP, writes Kafka, and says OK only when Kafka has said so.

Data flows one way: bytes -> ``receiver`` -> ``records`` -> ``producer`` -> ``outcomes`` -> status code. What lies
between ``receiver`` and ``producer`` is pure. The exporter knows nothing of Kubernetes and runs alone on a laptop.
"""

import os

# gRPC's own lines on stderr are no JSON, one for each handshake that fails; what they say is said in ours. It is read when
# grpc is imported, so it is set before anything here can do that.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
