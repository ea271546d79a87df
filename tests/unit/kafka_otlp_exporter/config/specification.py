"""The specification's table of options: for each its default, and the values that it lists."""

from __future__ import annotations

from collections.abc import Mapping

SPECIFICATION: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "brokers": ("localhost:9092", ()),
    "traces-topic": ("otlp_traces", ()),
    "metrics-topic": ("otlp_metrics", ()),
    "logs-topic": ("otlp_logs", ()),
    "format": ("protobuf", ("json", "protobuf")),
    "compression": ("none", ("gzip", "snappy", "lz4", "zstd", "none")),
    "request-timeout": ("30s", ()),
    "acks": ("one", ("none", "one", "all")),
    "client-id": ("rotel", ()),
    "max-message-bytes": ("1000000", ()),
    "linger-ms": ("5", ()),
    "retries": ("2147483647", ()),
    "retry-backoff-ms": ("100", ()),
    "retry-backoff-max-ms": ("1000", ()),
    "message-timeout-ms": ("300000", ()),
    "request-timeout-ms": ("30000", ()),
    "batch-size": ("1000000", ()),
    "partitioner": (
        "consistent-random",
        ("consistent", "consistent-random", "murmur2-random", "murmur2", "fnv1a", "fnv1a-random"),
    ),
    "partition-metrics-by-resource-attributes": ("false", ()),
    "partition-logs-by-resource-attributes": ("false", ()),
    "custom-config": ("", ()),
    "sasl-username": ("", ()),
    "sasl-password": ("", ()),
    "sasl-mechanism": ("", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
    "security-protocol": ("PLAINTEXT", ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")),
}
