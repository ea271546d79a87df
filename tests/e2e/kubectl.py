"""kubectl against the cluster that KUBECONFIG names, and waiting for what it shows. Used by everything in this folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.beds.kubernetes import KubectlError
from tests.beds.process import BedError, wait_until
from tools.cluster.kind import kubectl_program

ROOT = Path(__file__).parent.parent.parent
RESOURCE = "kafkaotlpexporters.kafka-otlp.dev"

Object = Mapping[str, Any]


def kubectl(*arguments: str, input: str | bytes | None = None, seconds: float = 120) -> str:  # noqa: A002
    """What kubectl prints; ``input`` is its stdin. Raises KubectlError."""
    answer = subprocess.run(
        [str(kubectl_program()), *arguments],
        input=input.encode() if isinstance(input, str) else input,
        capture_output=True,
        check=False,
        timeout=seconds,
    )
    if answer.returncode:
        raise KubectlError(answer.stderr.decode(errors="replace").strip())
    return answer.stdout.decode()


def placed(text: str) -> str:
    """A text with the names of our images led by KAFKA_OTLP_REGISTRY, for a cluster that pulls them from there."""
    registry = os.environ.get("KAFKA_OTLP_REGISTRY")
    return re.sub(r"\b(kafka-otlp-(?:operator|exporter|client|kafka):)", rf"{registry}/\1", text) if registry else text


def read(*path: str) -> list[dict[str, Any]]:
    """The objects of a YAML file of this repository."""
    return [document for document in yaml.safe_load_all(placed(ROOT.joinpath(*path).read_text())) if document]


class Namespace:
    """One namespace, as a test sees it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create(self) -> None:
        """Create it, with Pod Security ``restricted`` enforced, unless it is there."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted", "kafka-otlp.dev/test": "e2e"}
        metadata = {"name": self.name, "labels": labels}
        kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))

    def delete(self) -> None:
        """Delete it and everything in it; do not wait."""
        kubectl("delete", "namespace", self.name, "--wait=false", "--ignore-not-found")

    def kubectl(self, *arguments: str, input: str | bytes | None = None, seconds: float = 120) -> str:  # noqa: A002
        """kubectl inside the namespace. Raises KubectlError."""
        return kubectl("--namespace", self.name, *arguments, input=input, seconds=seconds)

    def apply(self, objects: Iterable[Object]) -> None:
        """``kubectl apply -f -``. Raises KubectlError."""
        self.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(list(objects)))

    def apply_example(self, name: str, brokers: str | None = None) -> None:
        """``kubectl apply`` of a file of examples/; ``brokers`` replaces its brokers. Raises KubectlError."""
        if brokers is None:
            self.kubectl("apply", "-f", str(ROOT / "examples" / f"{name}.yaml"))
            return
        objects = read("examples", f"{name}.yaml")
        for found in objects:
            if found["kind"] == "KafkaOtlpExporter":
                found["spec"]["brokers"] = [brokers]
        self.apply(objects)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """One object, None when there is none."""
        text = self.kubectl("get", kind, name, "--output=json", "--ignore-not-found")
        return json.loads(text) if text else None

    def all(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """The objects of a kind."""
        flags = [f"--selector={selector}"] if selector else []
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "--output=json", *flags))["items"]
        return items

    def condition(self, name: str, kind: str = "Ready") -> Mapping[str, Any]:
        """A condition of a resource; empty when it has none of this type."""
        conditions = ((self.get(RESOURCE, name) or {}).get("status") or {}).get("conditions", ())
        return next((found for found in conditions if found["type"] == kind), {})

    def wait_ready(self, name: str, seconds: float = 120) -> None:
        """Wait until the resource's newest generation is Ready. Raises BedError."""

        def ready() -> bool:
            found = self.get(RESOURCE, name) or {}
            condition = self.condition(name)
            return (
                condition.get("status") == "True"
                and condition.get("observedGeneration") == found["metadata"]["generation"]
            )

        self.wait(ready, f"KafkaOtlpExporter {name} is Ready", seconds)

    def pods(self, name: str) -> list[dict[str, Any]]:
        """The exporter pods of a resource that are not on their way out."""
        found = self.all("pods", f"app.kubernetes.io/instance={name}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def wait(self, true: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Wait for ``what``. Raises BedError."""
        try:
            wait_until(true, seconds, lambda: f"not within {seconds:.0f} s: {what}", every=0.5)
        except BedError as error:
            raise BedError(f"namespace {self.name}: {error}") from None
