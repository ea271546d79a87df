"""The operator as a real process beside a real API server, and what tests ask that server. Used by this folder's tests."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.beds.kubernetes import ApiServer, KubectlError
from tests.beds.process import BedError, Child, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
OWNED = ("deployment", "service", "serviceaccount")
RESOURCE = "kafkaotlpexporters.kafka-otlp.dev"

# As much of the Prometheus operator's definition as it takes to store such objects.
POD_MONITORS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "podmonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com",
        "scope": "Namespaced",
        "names": {
            "kind": "PodMonitor",
            "listKind": "PodMonitorList",
            "plural": "podmonitors",
            "singular": "podmonitor",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def install(api: ApiServer) -> None:
    """Apply the custom resource definition and wait until the API tells of it, which is later than Established."""
    api.kubectl("apply", "-f", str(ROOT / "crds" / "kafkaotlpexporters.yaml"))
    until(lambda: "koe" in api.kubectl("api-resources", "--api-group=kafka-otlp.dev"), "discovery of the resource")


@contextmanager
def served_pod_monitors(api: ApiServer) -> Iterator[None]:
    """An API server that knows PodMonitors while the block runs."""
    api.kubectl("create", "-f", "-", input=json.dumps(POD_MONITORS))
    until(lambda: "podmonitors" in api.kubectl("api-resources", "-o", "name"), "discovery of PodMonitors")
    try:
        yield
    finally:
        api.kubectl("delete", "crd", POD_MONITORS["metadata"]["name"])  # type: ignore[index]


class Operator:
    """``kafka-otlp-operator run`` as a process of its own, which runs while a ``with`` block does."""

    def __init__(
        self,
        api: ApiServer,
        log: Path,
        *arguments: str,
        kubeconfig: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start nothing; ``kubeconfig`` says as whom it works, as cluster-admin without. ``environment`` has settings."""
        self._environment = environment or {}
        self._kubeconfig = kubeconfig or api.kubeconfig
        self._arguments = arguments
        self.log = log
        self.port = free_port()
        self._child: Child | None = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Stopped while the block runs: another one may be at work in its place. It has to end well."""
        assert self.stop() == 0
        try:
            yield
        finally:
            self.start()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.begin()
        try:
            self.process.wait_until(lambda: self.get("/readyz")[0] == 200, 60, "readiness")
        except BedError:
            self.stop()
            raise

    def begin(self) -> None:
        """Start it, and wait for nothing."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")},
            "KUBECONFIG": str(self._kubeconfig),
            "KAFKA_OTLP_OPERATOR_PORT": str(self.port),
            **self._environment,
        }
        command = [sys.executable, "-m", "kafka_otlp_operator", "run", *self._arguments]
        self._child = Child(command, self.log, environment)

    def stop(self) -> int:
        """Ask it to end, as Kubernetes does; its exit code."""
        child, self._child = self._child, None
        if child is None:
            return 0
        child.end(30)
        return child.wait()

    @property
    def process(self) -> Child:
        """The process that was started last."""
        if self._child is None:
            raise BedError("the operator was not started")
        return self._child

    def kill(self) -> None:
        """End it with SIGKILL, if it runs."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of one of its HTTP answers; 0 when it does not listen yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""


class Namespace:
    """One namespace of a real API server, as a test sees it."""

    def __init__(self, api: ApiServer, labels: dict[str, str] | None = None) -> None:
        self.api = api
        self.name = api.create_namespace(labels)

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002
        """kubectl inside the namespace."""
        return self.api.kubectl("-n", self.name, *arguments, input=input)

    def apply(self, spec: dict[str, Any], name: str = "edge") -> None:
        """Apply a resource of this spec, brokers added."""
        resource = {
            "apiVersion": "kafka-otlp.dev/v1alpha1",
            "kind": "KafkaOtlpExporter",
            "metadata": {"name": name},
            "spec": {"brokers": ["kafka:9092"], **spec},
        }
        self.kubectl("apply", "-f", "-", input=json.dumps(resource))

    def refusal(self, spec: dict[str, Any], name: str = "edge") -> str:
        """What the API server says against a resource of this spec; empty when it takes it."""
        try:
            self.apply(spec, name)
        except KubectlError as error:
            return str(error)
        return ""

    def get(self, kind: str, name: str = "edge") -> dict[str, Any]:
        """One object. Raises KubectlError."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def exists(self, kind: str, name: str = "edge") -> bool:
        """Whether there is such an object."""
        return bool(self.kubectl("get", kind, name, "--ignore-not-found", "-o", "name"))

    def list(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind."""
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "-o", "json"))["items"]
        return found

    def condition(self, kind: str, name: str = "edge") -> dict[str, Any]:
        """One condition of a resource, empty when there is none."""
        conditions = self.get(RESOURCE, name).get("status", {}).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def versions(self, name: str = "edge") -> dict[str, str]:
        """The resourceVersion of the resource and of everything that the operator made for it."""
        return {kind: self.get(kind, name)["metadata"]["resourceVersion"] for kind in (RESOURCE, *OWNED)}

    def settle(self, name: str = "edge") -> dict[str, str]:
        """Wait until nothing has been written for two seconds; the versions then."""
        deadline = time.monotonic() + 40
        before = self.versions(name)
        while time.monotonic() < deadline:
            time.sleep(2)
            if (now := self.versions(name)) == before:
                return now
            before = now
        raise AssertionError(f"{self.name}/{name} is still written to after 40 s")

    def pods_ready(self) -> None:
        """Be the kubelet: say that every pod runs and is ready."""
        self.pods_are({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})

    def pods_are(self, status: dict[str, Any]) -> None:
        """Be the kubelet, or the scheduler: every pod has this status."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for condition in status.get("conditions", []):
            condition["lastTransitionTime"] = now
        for pod in self.list("pods"):
            patch = json.dumps({"status": status})
            self.kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)


def until(true: Callable[[], bool], what: str, seconds: float = 20, every: float = 0.1) -> None:
    """Wait until it is true, asking ``every`` so many seconds, or fail and say what did not come."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {seconds:g} s")
        time.sleep(every)


def applied(namespace: Namespace, name: str = "edge", seconds: float = 20) -> None:
    """Wait until the operator has done its part for the newest version of the resource."""

    def done() -> bool:
        resource = namespace.get(RESOURCE, name)
        return bool(resource.get("status", {}).get("observedGeneration") == resource["metadata"]["generation"])

    until(done, f"status of {name} for its newest version", seconds)
