"""The exporter that a resource describes, as a local process.

The operator's own code renders the resource; the container of its Deployment says which arguments and which environment
the process gets. Only what exists nowhere but in a cluster is replaced: broker names, ports, mounted folders.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from kafka_otlp_operator.objects import manifests
from kafka_otlp_operator.resource import spec
from tools.ports import PortTaken, free_port, listens

_READY_SECONDS = 15
_DRAIN_SECONDS = 15


class ContainerError(Exception):
    """The process did not start or did not become ready; the message is a sentence."""


@dataclass(frozen=True)
class Container:
    """The kinds of objects that the operator makes of a resource, and the container of its Deployment."""

    resource: spec.Resource
    kinds: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def documents(path: Path) -> list[dict[str, Any]]:
    """The objects of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def describe(path: Path) -> Container:
    """The objects of the resource in a file. Raises SpecInvalid when the operator refuses the resource."""
    resource = spec.parse(next(found for found in documents(path) if found["kind"] == "KafkaOtlpExporter"))
    objects = manifests.desired(resource, "kafka-otlp-exporter")
    deployment = next(found for found in objects if found["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return Container(
        resource=resource,
        kinds=tuple(found["kind"] for found in objects),
        arguments=tuple(container["args"]),
        environment={variable["name"]: variable["value"] for variable in container["env"] if "value" in variable},
    )


class LocalProcess:
    """The container's process, from start to end; ``otlp`` (gRPC) and ``otlp_http`` are its endpoints, ``host:port``."""

    def __init__(
        self, container: Container, folder: Path, replaced: Mapping[str, str], arguments: Sequence[str] = ()
    ) -> None:
        """Start the process; its log goes into ``folder``.

        ``replaced`` are environment variables that replace values which are only right in a cluster.
        """
        self._admin_port = free_port()
        self.otlp, self.otlp_http = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.admin = f"127.0.0.1:{self._admin_port}"
        self.log = folder / "exporter.log"
        own = {
            "KAFKA_EXPORTER_OTLP_GRPC_ENDPOINT": self.otlp,
            "KAFKA_EXPORTER_OTLP_HTTP_ENDPOINT": self.otlp_http,
            "KAFKA_EXPORTER_ADMIN_ENDPOINT": self.admin,
            # In a cluster the number of CPUs decides. One process is enough for a few requests, and it is ready sooner.
            "KAFKA_EXPORTER_WORKERS": "1",
        }
        outside = {name: text for name, text in os.environ.items() if not name.startswith("KAFKA_EXPORTER_")}
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kafka_otlp_exporter", *container.arguments, *arguments],
                env={**outside, **container.environment, **own, **replaced},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def __enter__(self) -> Self:
        """Started already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ended."""
        self.end()

    def wait_ready(self) -> None:
        """Wait until the process is ready, which means that Kafka has answered. Raises ContainerError."""
        deadline = time.monotonic() + _READY_SECONDS
        while (trouble := self._trouble()) is not None:
            if (code := self._process.poll()) is not None:
                raise ContainerError(f"the exporter ended with code {code} before it was ready.")
            if time.monotonic() > deadline:
                raise ContainerError(f"the exporter was not ready within {_READY_SECONDS} s: {trouble}")
            time.sleep(0.05)

    def trouble(self) -> str:
        """The sentence of the exporter's /readyz; empty when it is ready. Raises ContainerError."""
        return self._trouble() or ""

    def end(self) -> int:
        """Let the process drain, and return its exit code. It is killed after 15 s."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(_DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the process's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _trouble(self) -> str | None:
        # A proxy in the environment is not meant for ports of this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            if not listens(self._process.pid, self._admin_port):
                return "its admin port does not answer."
            opener.open(f"http://{self.admin}/readyz", timeout=2).close()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.read().decode().strip()
        except PortTaken as taken:
            raise ContainerError(str(taken)) from None
        except OSError:
            return "its admin port does not answer."
        return None
