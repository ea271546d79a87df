"""Many resources: how long a cold start takes, what it needs, and that an operator without work writes nothing."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from kubernetes import client, config

from tests.beds.api_proxy import ApiProxy
from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import RESOURCE, Namespace, Operator, until
from tests.fault.conftest import FULL

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]


class Load(NamedTuple):
    """The number of resources, the seconds in which they must converge, and the seconds without a change that follow."""

    resources: int
    seconds: int
    idle_seconds: int


LOADS = [Load(500, 60, 600), Load(2000, 240, 0)] if FULL else [Load(20, 60, 5)]
RESYNC_SECONDS = 120 if FULL else 2
MEMORY_BYTES = 256 * 1024 * 1024


def create(namespace: Namespace, count: int) -> None:
    """Create so many resources, each with one pod."""
    resources = [
        {
            "apiVersion": "kafka-otlp.dev/v1alpha1",
            "kind": "KafkaOtlpExporter",
            "metadata": {"name": f"edge-{number}"},
            "spec": {"brokers": ["kafka:9092"], "lingerMs": number},
        }
        for number in range(count)
    ]
    for begin in range(0, count, 100):
        text = "\n---\n".join(json.dumps(one) for one in resources[begin : begin + 100])
        namespace.kubectl("create", "-f", "-", input=text)


def told(api: ApiServer, namespace: Namespace) -> int:
    """How many resources have a status of their newest version that says that everything was applied."""
    listed = json.loads(api.kubectl("-n", namespace.name, "get", RESOURCE, "-o", "json"))["items"]
    applied = [
        one
        for one in listed
        if one.get("status", {}).get("observedGeneration") == one["metadata"]["generation"]
        and {"Applied": "True"}.items()
        <= {condition["type"]: condition["status"] for condition in one["status"]["conditions"]}.items()
    ]
    return len(applied)


def peak_memory(pid: int) -> int:
    """The largest resident memory of the process (VmHWM), in bytes."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(line) * 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def all_ready(api: ApiServer, namespace: Namespace, count: int) -> None:
    """Be the kubelet of so many pods, one of each resource."""
    until(lambda: len(namespace.list("pods")) == count, "a pod of each resource", 240)
    configuration = client.Configuration()
    config.load_kube_config(str(api.kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
    pods = client.CoreV1Api(client.ApiClient(configuration))
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
    status = {"status": {"phase": "Running", "conditions": [ready]}}
    for pod in namespace.list("pods"):
        pods.patch_namespaced_pod_status(pod["metadata"]["name"], namespace.name, status)


def resyncs(operator: Operator) -> int:
    """The number of resyncs so far."""
    found = re.search(r'resyncs_total\{result="done"\} (\d+)', operator.get("/metrics")[1])
    return int(found[1]) if found else 0


def settled(operator: Operator, proxy: ApiProxy) -> None:
    """Wait until two resyncs have passed without a write. Before, Kubernetes counts the pods, and the status changes."""
    seen, since = -1, 0
    seconds = 60 + 4 * RESYNC_SECONDS
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if len(proxy.writes) != seen:
            seen, since = len(proxy.writes), resyncs(operator)
        elif resyncs(operator) >= since + 2:
            return
        time.sleep(1)
    raise AssertionError(f"the operator still writes after {seconds} s")


@pytest.mark.parametrize("load", LOADS, ids=lambda load: f"{load.resources} resources")
def test_a_cold_start_converges_and_then_nothing_is_written(
    api: ApiServer, proxy: ApiProxy, tmp_path: Path, load: Load
) -> None:
    """All resources converge in time and within the memory limit. Then each resync makes at most one read per resource."""
    namespace = Namespace(api)
    create(namespace, load.resources)
    operator = Operator(
        api,
        tmp_path / "log",
        "--namespace",
        namespace.name,
        kubeconfig=proxy.kubeconfig,
        environment={"KAFKA_OTLP_OPERATOR_RESYNC_SECONDS": str(RESYNC_SECONDS)},
    )
    begun = time.monotonic()
    operator.begin()
    try:
        until(lambda: told(api, namespace) == load.resources, "convergence", load.seconds)
        took = time.monotonic() - begun
        worked = cpu_seconds(operator.process.pid)
        print(f"{load.resources} resources: cold start {took:.1f} s with {worked:.1f} s of CPU")
        if load.idle_seconds:
            all_ready(api, namespace, load.resources)
            settled(operator, proxy)
            rests(operator, proxy, load)
        memory = peak_memory(operator.process.pid)
        print(f"{load.resources} resources: peak {memory / 2**20:.0f} MiB")
        assert memory <= MEMORY_BYTES
        assert 'result="crashed"' not in operator.get("/metrics")[1]
    finally:
        operator.stop()
        namespace.kubectl("delete", "namespace", namespace.name, "--wait=false")


def rests(operator: Operator, proxy: ApiProxy, load: Load) -> None:
    """Nothing is written, and each resync makes at most one read per resource."""
    proxy.reset()
    before = resyncs(operator)
    time.sleep(load.idle_seconds)
    passed = resyncs(operator) - before
    calls = list(proxy.calls)
    assert [call for call in calls if call.write] == []
    reads = len([call for call in calls if not call.watch])
    assert passed > 1
    assert reads <= load.resources * passed
    print(f"{load.resources} resources: {reads} reads in {load.idle_seconds} s and {passed} resyncs")
