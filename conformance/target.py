"""The tested server: the given addresses, and which of them can be reached."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

CONNECT_SECONDS = 5.0
TOPICS = ("otlp_traces", "otlp_metrics", "otlp_logs")


class Need(StrEnum):
    """The needs of lines; each value is the variable of ``make conformance`` that provides it."""

    GRPC = "TARGET"
    HTTP = "HTTP"
    KAFKA = "KAFKA"
    BROKEN = "BROKEN"
    BROKEN_HTTP = "BROKEN_HTTP"


@dataclass(frozen=True, slots=True)
class Target:
    """The addresses, each ``host:port``; ``topics`` are those of traces, metrics and logs.

    ``absent`` says why an address that was given cannot be used.
    """

    addresses: Mapping[Need, str]
    topics: tuple[str, str, str] = TOPICS
    slow: bool = False
    absent: Mapping[Need, str] = field(default_factory=lambda: MappingProxyType({}))

    def missing(self, need: Need) -> str | None:
        """Why a line that needs it cannot run, or None."""
        if need in self.absent:
            return self.absent[need]
        return None if need in self.addresses else f"no {need}=host:port was given"

    @property
    def grpc(self) -> str:
        """The OTLP/gRPC endpoint."""
        return self.addresses[Need.GRPC]

    @property
    def http(self) -> str:
        """The OTLP/HTTP endpoint."""
        return self.addresses[Need.HTTP]


def reached(addresses: Mapping[Need, str], topics: tuple[str, str, str] = TOPICS, *, slow: bool = False) -> Target:
    """The target with each address tried once by a connection."""
    absent = {}
    for need, address in addresses.items():
        try:
            socket.create_connection(parted(address), CONNECT_SECONDS).close()
        except OSError as error:
            absent[need] = f"{address} cannot be reached: {error.strerror or error}"
    return Target(addresses, topics, slow, absent)


def parted(address: str) -> tuple[str, int]:
    """Host and port. Raises ValueError when the text is not ``host:port``."""
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise ValueError(f"{address!r} is not host:port")
    return host.strip("[]"), int(port)
