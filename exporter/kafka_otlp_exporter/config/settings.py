"""What the process needs beside the specification's options: where it listens, how much it holds, how it ends. Pure.

A second table under the same rules as the option table; its rows have no field in the resource.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kafka_otlp_exporter.config.marks import Computed, Unit
from kafka_otlp_exporter.config.rows import rows
from kafka_otlp_exporter.config.values import Duration, Endpoint, File, Files, Folder

MEBIBYTE = 1024 * 1024
# OTLP specification, "OTLP/gRPC": 64 MiB is the recommended limit of a request.
LARGEST_REQUEST = 64 * MEBIBYTE
LEAST_REQUEST = 64 * 1024

LEAST_IN_FLIGHT = 4 * MEBIBYTE
# With less than this in flight a further worker costs more memory than it is worth; a quarter of it is a worker's
# largest request.
WORKER_IN_FLIGHT = 32 * MEBIBYTE
MOST_IN_FLIGHT = 1024 * 1024 * MEBIBYTE
MOST_WORKERS = 256

# The ports that OTLP and Prometheus exporters have by convention.
OTLP_GRPC_PORT = 4317
OTLP_HTTP_PORT = 4318
ADMIN_PORT = 9464


class Settings(BaseModel):
    """Settings of one exporter process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    otlp_grpc_endpoint: Annotated[Endpoint, Field(description="Address on which OTLP/gRPC is served.")] = (
        f"0.0.0.0:{OTLP_GRPC_PORT}"
    )
    otlp_http_endpoint: Annotated[Endpoint, Field(description="Address on which OTLP/HTTP is served.")] = (
        f"0.0.0.0:{OTLP_HTTP_PORT}"
    )
    otlp_grpc_max_request_bytes: Annotated[
        int,
        Field(
            ge=LEAST_REQUEST,
            le=LARGEST_REQUEST,
            description="Largest request that the OTLP/gRPC port accepts, after decompression; never more than a quarter of "
            "--max-in-flight-bytes.",
        ),
        Unit("bytes"),
    ] = LARGEST_REQUEST
    otlp_grpc_tls_cert_file: Annotated[
        File,
        Field(description="PEM file with the certificate chain of the OTLP/gRPC port. With it the port speaks TLS."),
    ] = None
    otlp_grpc_tls_private_key_file: Annotated[
        File, Field(description="PEM file with the private key of that certificate, without a password.")
    ] = None
    otlp_grpc_client_ca_file: Annotated[
        File,
        Field(
            description="PEM file with the certificate authorities of clients. Every client of the OTLP/gRPC port must then "
            "present a certificate that one of them has signed."
        ),
    ] = None
    otlp_http_max_request_bytes: Annotated[
        int,
        Field(
            ge=LEAST_REQUEST,
            le=LARGEST_REQUEST,
            description="Largest request that the OTLP/HTTP port accepts, after decompression; never more than a quarter of "
            "--max-in-flight-bytes.",
        ),
        Unit("bytes"),
    ] = LARGEST_REQUEST
    otlp_http_tls_cert_file: Annotated[
        File,
        Field(description="PEM file with the certificate chain of the OTLP/HTTP port. With it the port speaks TLS."),
    ] = None
    otlp_http_tls_private_key_file: Annotated[
        File, Field(description="PEM file with the private key of that certificate, without a password.")
    ] = None
    otlp_http_client_ca_file: Annotated[
        File,
        Field(
            description="PEM file with the certificate authorities of clients. Every client of the OTLP/HTTP port must then "
            "present a certificate that one of them has signed."
        ),
    ] = None
    otlp_bearer_token_file: Annotated[
        File,
        Field(
            description="File with the tokens of clients, one a line. Every request to either OTLP port must then carry one "
            "of them as 'authorization: Bearer <token>'. To change a token, list the old and the new one while clients move "
            "over. The exporter reads this file, certificates and keys again within seconds of a change."
        ),
    ] = None
    admin_endpoint: Annotated[
        Endpoint, Field(description="Address on which /metrics, /livez, /readyz and /status are served.")
    ] = f"0.0.0.0:{ADMIN_PORT}"
    credentials_dir: Annotated[
        Folder,
        Field(
            description="Folder with the credentials for Kafka: username, password, ca.crt, tls.crt, tls.key. The exporter "
            "uses those files that are there."
        ),
    ] = None
    required_files: Annotated[
        Files,
        Field(
            description="Files that must be there before the exporter starts to serve, such as those of the credentials folder "
            "that the brokers ask for. Until then the process is alive but not ready, serves the admin port alone, and "
            "/status names the missing files. When one disappears later, nothing changes until it is back."
        ),
    ] = ()
    max_in_flight_bytes: Annotated[
        int | None,
        Field(
            ge=LEAST_IN_FLIGHT,
            le=MOST_IN_FLIGHT,
            description="Memory that requests may hold at one time. A request counts from before it is read until Kafka has "
            "accepted or refused it. A quarter of this memory is for open calls. The largest request that is accepted is a "
            "quarter of it (an eighth with the format json), and 64 MiB at most. The process may need about four times as "
            "much, beside its own 80 MiB, because librdkafka holds copies. Several workers share it: the largest request is "
            "then that part of one worker's share.",
        ),
        Unit("bytes"),
        Computed("an eighth of the control group's memory limit; 256 MiB without one"),
    ] = None
    workers: Annotated[
        int,
        Field(
            ge=0,
            le=MOST_WORKERS,
            description="Processes that serve the same ports side by side. A connection stays with one worker, so with fewer "
            "connections than workers some are idle. Workers share --max-in-flight-bytes. 0: one for each CPU of the "
            "control group, but only as many as get 256 MiB each of its memory limit (without a limit, of a quarter of the "
            "machine's memory) and 32 MiB each of --max-in-flight-bytes. One worker is one process; for several workers "
            "there is one more process, which supervises them.",
        ),
    ] = 0
    shutdown_timeout: Annotated[
        Duration, Field(description="Time from SIGTERM to the end. Calls that Kafka has not answered by then fail.")
    ] = timedelta(seconds=25)


ROWS = rows(Settings, "--")


def in_flight_bytes(memory_limit: int | None) -> int:
    """The default of --max-in-flight-bytes: an eighth of ``memory_limit``, in bytes, because librdkafka holds copies."""
    if memory_limit is None:
        return 256 * MEBIBYTE
    return min(max(memory_limit // 8, LEAST_IN_FLIGHT), MOST_IN_FLIGHT)
