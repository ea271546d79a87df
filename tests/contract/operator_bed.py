"""The operator as a real process beside a real API server, and what tests ask that server."""

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
from typing import Any, Self, TypeVar

from tests.beds.kubernetes import ApiServer, KubectlError
from tests.beds.process import BedError, Child, free_port
from tests.contract.reads import Reads

ROOT = Path(__file__).resolve().parent.parent.parent
OWNED = ("deployment", "service", "serviceaccount")
RESOURCE = "kafkaotlpexporters.kafka-otlp.dev"

T = TypeVar("T")

# The part of the Prometheus operator's definition that is needed to store such objects.
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
    """Apply the custom resource definition and wait until discovery shows it, which is later than Established."""
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
    """``kafka-otlp-operator run`` as a process of its own, which runs during a ``with`` block."""

    def __init__(
        self,
        api: ApiServer,
        log: Path,
        *arguments: str,
        kubeconfig: Path | None = None,
        environment: Mapping[str, str] | None = None,
        module: str = "kafka_otlp_operator",
    ) -> None:
        """Start nothing. Without a ``kubeconfig`` it works as cluster-admin. ``environment`` has settings.

        ``module`` is what Python runs, when it is not the operator as it is.
        """
        self._environment = environment or {}
        self._kubeconfig = kubeconfig or api.kubeconfig
        self._command = [sys.executable, "-m", module, "run", *arguments]
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
        """Stopped during the block, so that another operator can work in its place. Its exit code must be 0."""
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
        """Start it without waiting."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")},
            "KUBECONFIG": str(self._kubeconfig),
            "KAFKA_OTLP_OPERATOR_PORT": str(self.port),
            **self._environment,
        }
        self._child = Child(self._command, self.log, environment, ROOT)

    def stop(self) -> int:
        """Send SIGTERM, as the kubelet does; returns the exit code."""
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
        self._reads = Reads(api, self.name)

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
        """The API server's refusal of a resource of this spec; empty when it accepts the resource."""
        try:
            self.apply(spec, name)
        except KubectlError as error:
            return str(error)
        return ""

    def get(self, kind: str, name: str = "edge") -> dict[str, Any]:
        """One object. Raises KubectlError."""
        found = self._reads.one(kind, name)
        if found is None:
            raise KubectlError(f"there is no {kind} {self.name}/{name}")
        return found

    def exists(self, kind: str, name: str = "edge") -> bool:
        """Whether there is such an object."""
        return self._reads.one(kind, name) is not None

    def list(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind, or of several that commas separate. Raises KubectlError."""
        return self._reads.every(kind)

    def clear(self) -> None:
        """Delete every resource, and wait for nothing. Kubernetes deletes the objects that the operator made for them."""
        self.kubectl("delete", RESOURCE, "--all", "--wait=false")

    def condition(self, kind: str, name: str = "edge") -> dict[str, Any]:
        """One condition of a resource, empty when there is none."""
        conditions = self.get(RESOURCE, name).get("status", {}).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def versions(self, name: str = "edge") -> dict[str, str]:
        """The resourceVersion of the resource and of everything that the operator made for it."""
        return {kind: self.get(kind, name)["metadata"]["resourceVersion"] for kind in (RESOURCE, *OWNED)}

    def settle(self, name: str = "edge") -> dict[str, str]:
        """Wait until nothing has been written for two seconds; the versions then."""
        return unchanged(lambda: self.versions(name), f"{self.name}/{name}", 40)

    def pods_ready(self) -> None:
        """Act as the kubelet: report that every pod runs and is ready."""
        self.pods_are({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})

    def pods_are(self, status: dict[str, Any]) -> None:
        """Act as the kubelet or the scheduler: give every pod this status."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for condition in status.get("conditions", []):
            condition["lastTransitionTime"] = now
        for pod in self.list("pods"):
            patch = json.dumps({"status": status})
            self.kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)


def until(true: Callable[[], bool], what: str, seconds: float = 20, every: float = 0.1) -> None:
    """Wait until it is true, asking once every so many seconds. When it is not in time, fail and name what did not come."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {seconds:g} s")
        time.sleep(every)


def unchanged(read: Callable[[], T], what: str, seconds: float) -> T:
    """Wait until what is read has been the same for two seconds, and return it. Fails after so many ``seconds``."""
    before, since = read(), time.monotonic()
    deadline = since + seconds
    while time.monotonic() < deadline:
        time.sleep(0.2)
        if (now := read()) != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since >= 2:
            return now
    raise AssertionError(f"{what} is still written to after {seconds:g} s")


def applied(namespace: Namespace, name: str = "edge", seconds: float = 20) -> None:
    """Wait until the operator has done its part for the newest version of the resource."""

    def done() -> bool:
        resource = namespace.get(RESOURCE, name)
        return bool(resource.get("status", {}).get("observedGeneration") == resource["metadata"]["generation"])

    until(done, f"status of {name} for its newest version", seconds)
