"""What the process needs beside the specification's options: where it listens, how much it holds, how it ends.

Read by ``env`` under the same rules as the option table, used by ``__main__``, ``sizing`` and ``server``.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kafka_otlp_exporter.config.rows import Computed, Unit, rows
from kafka_otlp_exporter.config.values import PORT_PATTERN, Duration, parse_names

MEBIBYTE = 1024 * 1024
# OTLP specification, "OTLP/gRPC": 64 MiB is the recommended limit of a request.
LARGEST_REQUEST = 64 * MEBIBYTE
LEAST_REQUEST = 64 * 1024

LEAST_IN_FLIGHT = 4 * MEBIBYTE
# For less a further worker is not worth its own memory; its largest request is a quarter.
WORKER_IN_FLIGHT = 32 * MEBIBYTE
MOST_IN_FLIGHT = 1024 * 1024 * MEBIBYTE
MOST_WORKERS = 256

# Port 0 is any that is free.
_ENDPOINT_PATTERN = r"^$|^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9._-]+):(0|" + PORT_PATTERN + ")$"

Endpoint = Annotated[str, Field(pattern=_ENDPOINT_PATTERN)]
File = Annotated[Path | None, BeforeValidator(lambda value: None if value == "" else value)]


class Settings(BaseModel):
    """Settings of one exporter process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    otlp_grpc_endpoint: Annotated[Endpoint, Field(description="Address on which OTLP/gRPC is served.")] = "0.0.0.0:4317"
    otlp_http_endpoint: Annotated[Endpoint, Field(description="Address on which OTLP/HTTP is served.")] = "0.0.0.0:4318"
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
        Field(description="PEM file with the certificate chain of the OTLP/gRPC port; it makes the port speak TLS."),
    ] = None
    otlp_grpc_tls_private_key_file: Annotated[
        File, Field(description="PEM file with the private key of that certificate, without a password.")
    ] = None
    otlp_grpc_client_ca_file: Annotated[
        File,
        Field(
            description="PEM file with the authorities of clients: every client of the OTLP/gRPC port has to show a "
            "certificate that one of them has signed."
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
        Field(description="PEM file with the certificate chain of the OTLP/HTTP port; it makes the port speak TLS."),
    ] = None
    otlp_http_tls_private_key_file: Annotated[
        File, Field(description="PEM file with the private key of that certificate, without a password.")
    ] = None
    otlp_http_client_ca_file: Annotated[
        File,
        Field(
            description="PEM file with the authorities of clients: every client of the OTLP/HTTP port has to show a "
            "certificate that one of them has signed."
        ),
    ] = None
    otlp_bearer_token_file: Annotated[
        File,
        Field(
            description="File with the tokens of clients, one a line: every request to both OTLP ports has to carry one "
            "of them as 'authorization: Bearer <token>'. With the old and the new token in it, clients can change over one "
            "after the other. This file, certificates and keys are taken up within seconds when they change."
        ),
    ] = None
    admin_endpoint: Annotated[
        Endpoint, Field(description="Address on which /metrics, /livez, /readyz and /status are served.")
    ] = "0.0.0.0:9464"
    credentials_dir: Annotated[
        File,
        Field(
            description="Folder with the credentials for Kafka: username, password, ca.crt, tls.crt, tls.key; "
            "those that are there are used."
        ),
    ] = None
    required_files: Annotated[
        tuple[Path, ...],
        BeforeValidator(lambda value: parse_names(value) if isinstance(value, str) else value),
        Field(
            description="Files that have to be there before anything starts, such as those of the credentials folder that "
            "the brokers ask for. Until then the process is alive and not ready, serves the admin port alone, and /status "
            "names what is missing. One that goes away later changes nothing until it is back."
        ),
    ] = ()
    max_in_flight_bytes: Annotated[
        int | None,
        Field(
            ge=LEAST_IN_FLIGHT,
            le=MOST_IN_FLIGHT,
            description="What requests may hold at one time, each from before it is read until Kafka has taken or "
            "refused it; a quarter of it is for open calls. The largest request that is accepted is a quarter of it (an "
            "eighth with the format json), and 64 MiB at most. The process may need some four times as much beside its "
            "80 MiB: librdkafka holds copies. Several workers share it, so that the largest request is that part of a "
            "worker's share.",
        ),
        Unit("bytes"),
        Computed("an eighth of the control group's memory limit; 256 MiB without one"),
    ] = None
    workers: Annotated[
        int,
        Field(
            ge=0,
            le=MOST_WORKERS,
            description="Processes that serve the same ports side by side. A connection stays with one of them, so fewer "
            "connections than workers leave some idle. They share --max-in-flight-bytes. 0: as many as the control group "
            "has CPUs, as far as its memory limit (without one a quarter of the machine's memory) has 256 MiB for each, "
            "and --max-in-flight-bytes 32 MiB. With one there is one process; with more, another one watches over them.",
        ),
    ] = 0
    shutdown_timeout: Annotated[
        Duration, Field(description="Time from SIGTERM to the end; calls that Kafka has not answered by then fail.")
    ] = timedelta(seconds=25)


ROWS = rows(Settings, "--")


def in_flight_bytes(memory_limit: int | None) -> int:
    """The default of --max-in-flight-bytes: an eighth of ``memory_limit``, in bytes, for it is held several times."""
    if memory_limit is None:
        return 256 * MEBIBYTE
    return min(max(memory_limit // 8, LEAST_IN_FLIGHT), MOST_IN_FLIGHT)
