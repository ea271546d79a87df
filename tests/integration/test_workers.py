"""Several workers under load: every span with an OK is in Kafka, also when a worker is killed."""

from __future__ import annotations

import itertools
import os
import re
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from tests.beds.exporter import ExporterProcess
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import wait_until

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
CONNECTIONS = 200
CLIENTS = 8
# Clients retry both (OTLP specification, "Failures"). gRPC itself answers CANCELLED to a call that arrives while its
# server stops.
COME_AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
DELIVERED = 'kafka_otlp_exporter_requests_total{outcome="delivered",signal="traces"}'


def one_span(name: str) -> bytes:
    """A request with one span."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name=name, trace_id=b"t" * 16, span_id=b"s" * 8)
    return request.SerializeToString()


def connection(otlp: str) -> Any:
    """A channel with its own connection: gRPC would share one connection between channels to the same address."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100)]
    return grpc.insecure_channel(otlp, options)


class Load:
    """Clients that send requests of one span until they are stopped. Each request is retried until it gets OK."""

    def __init__(self, otlp: str) -> None:
        self.acknowledged: set[str] = set()
        self.codes: Counter[grpc.StatusCode] = Counter()
        self.attempts = 0
        self._otlp = otlp
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._running = [self._pool.submit(self._send, f"client-{number}") for number in range(CLIENTS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more requests, and wait for the last answers. Raises the error of a client that failed."""
        self._stop.set()
        for client in self._running:
            client.result(60)
        self._pool.shutdown()

    def wait_for(self, more: int) -> None:
        """Wait until so many more requests got OK."""
        goal = len(self.acknowledged) + more
        wait_until(lambda: len(self.acknowledged) >= goal, 60, lambda: f"{len(self.acknowledged)} OK, {self.codes}")

    def _send(self, client: str) -> None:
        for number in itertools.count():
            with connection(self._otlp) as channel:
                name = f"{client}-{number}"
                while not self._stop.is_set():
                    self.attempts += 1
                    try:
                        channel.unary_unary(METHOD)(one_span(name), timeout=20)
                    except grpc.RpcError as error:
                        self.codes[error.code()] += 1
                        time.sleep(0.05)
                        continue
                    self.acknowledged.add(name)
                    break
            if self._stop.is_set():
                return


@pytest.fixture
def topic() -> str:
    """A topic that no other test uses."""
    return f"traces-{uuid.uuid4()}"


@pytest.fixture
def running(mock_kafka: MockKafka, tmp_path: Path, topic: str) -> Iterator[ExporterProcess]:
    """An exporter with two workers, which are ready."""
    flags = [
        "--workers=2",
        f"--kafka-exporter-brokers={mock_kafka.bootstrap}",
        f"--kafka-exporter-traces-topic={topic}",
    ]
    with ExporterProcess(tmp_path, flags) as process:
        yield process.wait_ready(60)


def names_in(mock_kafka: MockKafka, topic: str) -> Counter[str]:
    """How often each span is in the topic."""
    requests = (ExportTraceServiceRequest.FromString(message.value() or b"") for message in mock_kafka.read(topic))
    return Counter(
        span.name
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )


def metric(process: ExporterProcess, sample: str) -> float:
    """The value of one sample, in an exposition that Prometheus accepts."""
    text = process.metrics()
    assert list(text_string_to_metric_families(text))
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    assert found, text
    return float(found[1])


def workers(process: ExporterProcess) -> list[dict[str, Any]]:
    """The part of the status about each worker."""
    return list(process.status()["workers"])


def connections_of(pid: int, port: int) -> int:
    """How many connections to ``port`` a process holds (proc_net_tcp: 01 is ESTABLISHED)."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "01":
                inodes.add(f"socket:[{fields[9]}]")
    held = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            held += str(descriptor.readlink()) in inodes
        except FileNotFoundError:
            continue  # closed since it was listed
    return held


def test_connections_are_spread_over_the_workers(running: ExporterProcess):
    """Each of 200 clients is answered, and each worker has a plausible share of them."""
    port = int(running.otlp.rpartition(":")[2])
    with ExitStack() as open_channels:
        channels = [open_channels.enter_context(connection(running.otlp)) for _ in range(CONNECTIONS)]
        calls = [channel.unary_unary(METHOD).future(one_span("spread"), timeout=60) for channel in channels]
        assert {call.result() for call in calls} == {b""}
        shares = [connections_of(worker["pid"], port) for worker in workers(running)]
    assert sum(shares) == CONNECTIONS
    # By chance, one of two workers gets fewer than 50 of 200 once in 10^13 times.
    assert min(shares) >= CONNECTIONS // 4
    assert metric(running, DELIVERED) == CONNECTIONS
    assert metric(running, "kafka_otlp_exporter_workers") == 2


def test_nothing_acknowledged_is_lost_when_a_worker_is_killed(
    running: ExporterProcess, mock_kafka: MockKafka, topic: str
):
    """It is started again, probes and metrics show the restart, and no counter goes backwards."""
    with Load(running.otlp) as load:
        load.wait_for(200)
        seen = [metric(running, DELIVERED)]
        [first, other] = workers(running)
        os.kill(first["pid"], signal.SIGKILL)
        running.child.wait_until(lambda: running._get("/readyz")[0] == 503, 30, "503 to GET /readyz")
        assert running._get("/readyz")[1] == "worker 1 is being started\n"
        assert running._get("/livez") == (200, "ok\n")
        seen.append(metric(running, DELIVERED))
        load.wait_for(50)
        seen.append(metric(running, DELIVERED))
        running.wait_ready(60)
        load.wait_for(200)
        seen.append(metric(running, DELIVERED))
        load.stop()
    assert seen == sorted(seen)
    [again, same] = workers(running)
    assert (again["restarts"], same["restarts"], same["pid"]) == (1, 0, other["pid"])
    assert again["pid"] != first["pid"]
    assert metric(running, "kafka_otlp_exporter_worker_restarts_total") == 1
    assert '"signal": "SIGKILL"' in running.log
    assert set(load.codes) <= {grpc.StatusCode.UNAVAILABLE}
    assert load.acknowledged - names_in(mock_kafka, topic).keys() == set()


def test_a_drain_under_load_answers_what_was_taken(running: ExporterProcess, mock_kafka: MockKafka, topic: str):
    """All workers drain at the same time; every span with an OK is in Kafka, other clients are told to retry."""
    with Load(running.otlp) as load:
        load.wait_for(200)
        running.terminate()
        running.child.wait_until(lambda: running._get("/readyz") == (503, "draining\n"), 10, "draining")
        assert running.wait(60) == 0
        load.stop()
    assert set(load.codes) <= COME_AGAIN
    assert load.acknowledged - names_in(mock_kafka, topic).keys() == set()
    begun = re.findall(r'"event": "worker_draining".*"timestamp": "([^"]+)"', running.log)
    assert len(begun) == 2


def test_a_worker_that_keeps_ending_is_started_later_and_later(running: ExporterProcess):
    """After one second, then two: a worker that always fails must not use up the machine's CPUs."""
    pauses = []
    for _ in range(2):
        restarts = workers(running)[0]["restarts"]
        os.kill(workers(running)[0]["pid"], signal.SIGKILL)
        running.child.wait_until(
            lambda before=restarts: workers(running)[0]["restarts"] > before and running.ready(),  # type: ignore[misc]
            60,
            "another worker",
        )
        pauses = [float(text) for text in re.findall(r'"again_in_seconds": ([0-9.]+)', running.log)]
    assert pauses == [1.0, 2.0]


def test_workers_hear_of_signals_from_the_supervisor_alone(running: ExporterProcess):
    """A terminal and some inits signal a whole process group; the workers are in other groups."""
    groups = {os.getpgid(worker["pid"]) for worker in workers(running)}
    assert len(groups) == 2
    assert os.getpgid(running.child.pid) not in groups
