"""Several workers behind one command line: what is refused, and how the supervisor starts and ends."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kafka_otlp_exporter.config.settings import MEBIBYTE
from tests.beds.exporter import ExporterProcess
from tests.beds.process import free_port, wait_until
from tests.unit.kafka_otlp_exporter.test_main import refused

NOWHERE = "--kafka-exporter-brokers=127.0.0.1:9"


def workers(process: ExporterProcess) -> list[int]:
    """The process ids of the workers that serve."""
    shown = process.status()["workers"]
    return [worker["pid"] for worker in shown if worker["state"] == "serving"]


def is_gone(pid: int) -> bool:
    """Whether there is no such process, or only a zombie that its parent has not reaped."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def started(process: ExporterProcess) -> ExporterProcess:
    """The exporter, once all its workers serve."""
    process.child.wait_until(lambda: '"event": "started"' in process.log, 60, "started")
    return process


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExporterProcess]:
    """Two workers that serve and share 32 MiB, for tests that only look."""
    flags = [NOWHERE, "--workers=2", f"--max-in-flight-bytes={32 * MEBIBYTE}"]
    with ExporterProcess(tmp_path_factory.mktemp("both"), flags) as process:
        yield started(process)


def test_a_wrong_option_is_one_sentence_and_exit_code_2():
    """Both workers find it, and the supervisor says it once."""
    endpoints = [f"--{name}-endpoint=127.0.0.1:0" for name in ("otlp-grpc", "otlp-http", "admin")]
    sentence = refused("--workers=2", *endpoints, "--kafka-exporter-custom-config=no.such=1")
    assert sentence.startswith("kafka-otlp-exporter: librdkafka refuses the producer configuration: ")


@pytest.mark.parametrize("taken", ["otlp-grpc-endpoint", "admin-endpoint"])
@pytest.mark.parametrize("reuse_port", [0, 1])
def test_a_taken_port_is_one_sentence(taken: str, reuse_port: int):
    """Also when the other process would share the port."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuse_port)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        endpoint = f"127.0.0.1:{holder.getsockname()[1]}"
        names = ("otlp-grpc-endpoint", "otlp-http-endpoint", "admin-endpoint")
        endpoints = {**dict.fromkeys(names, "127.0.0.1:0"), taken: endpoint}
        sentence = refused("--workers=2", *(f"--{name}={at}" for name, at in endpoints.items()))
        assert sentence.startswith(f"kafka-otlp-exporter: --{taken}: cannot listen on {endpoint}: ")


def test_too_small_a_budget_for_so_many_is_one_sentence():
    """Nothing is started."""
    assert "4 workers share 8388608 bytes" in refused("--workers=4", f"--max-in-flight-bytes={8 * MEBIBYTE}")


@pytest.mark.parametrize("number", [1, 2])
def test_a_second_exporter_on_the_port_is_an_error(both: ExporterProcess, number: int):
    """With one worker or several, while the workers of the first exporter serve."""
    free = [f"--{name}-endpoint=127.0.0.1:{free_port()}" for name in ("otlp-http", "admin")]
    endpoints = [f"--otlp-grpc-endpoint={both.otlp}", *free]
    assert f"cannot listen on {both.otlp}" in refused(f"--workers={number}", NOWHERE, *endpoints)


def test_they_share_what_may_be_in_flight(both: ExporterProcess):
    """The largest request is a quarter of a worker's share; the status shows the sum."""
    status = both.status()
    assert status["maxInFlightBytes"] == 32 * MEBIBYTE
    assert [worker["number"] for worker in status["workers"]] == [1, 2]
    [line] = [line for line in both.log.splitlines() if '"event": "started"' in line]
    assert f'"largest_request_bytes": {4 * MEBIBYTE}' in line
    assert f'"max_in_flight_bytes": {32 * MEBIBYTE}' in line


def test_a_supervisor_has_neither_grpc_nor_librdkafka_in_it(both: ExporterProcess):
    """A crash of either library cannot end the supervisor."""
    mapped = Path(f"/proc/{both.child.pid}/maps").read_text()
    assert "cygrpc" not in mapped
    assert "librdkafka" not in mapped
    assert "cygrpc" in Path(f"/proc/{workers(both)[0]}/maps").read_text()


def test_no_worker_outlives_a_supervisor_that_was_killed(tmp_path: Path):
    """Also a worker that hangs is killed."""
    with ExporterProcess(tmp_path, [NOWHERE, "--workers=2"]) as process:
        pids = workers(started(process))
        assert len(pids) == 2
        os.kill(pids[0], signal.SIGSTOP)
        process.kill()
        wait_until(lambda: all(is_gone(pid) for pid in pids), 20, lambda: f"{pids} live on")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_0_when_it_is_asked_to(tmp_path: Path, number: signal.Signals):
    """Its workers end first."""
    with ExporterProcess(tmp_path, [NOWHERE, "--workers=2"]) as process:
        pids = workers(started(process))
        process.child.signal(number)
        assert process.wait(30) == 0
        assert all(is_gone(pid) for pid in pids)
        events = re.findall(r'"event": "(\w*(?:draining|stopped))"', process.log)
        assert sorted(events) == [
            "draining", "stopped", "worker_draining", "worker_draining", "worker_stopped", "worker_stopped"
        ]  # fmt: skip
        assert events[-1] == "stopped"


def test_asked_before_it_has_started_it_ends_too(tmp_path: Path):
    """Workers that are still starting are ended; nobody waits until they serve."""
    with ExporterProcess(tmp_path, [NOWHERE, "--workers=2"]) as process:
        process.child.wait_until(lambda: process._get("/livez")[0] == 200, 60, "answer")
        assert process._get("/readyz")[0] == 503
        began = time.monotonic()
        process.terminate()
        assert process.wait(60) == 0
        assert time.monotonic() - began < 20
        assert "Traceback" not in process.log


def test_a_worker_that_has_hung_is_killed_at_the_end(tmp_path: Path):
    """After the shutdown timeout; the exit code is then 1."""
    with ExporterProcess(tmp_path, [NOWHERE, "--workers=2", "--shutdown-timeout=2s"]) as process:
        pids = workers(started(process))
        os.kill(pids[0], signal.SIGSTOP)
        process.terminate()
        assert process.wait(60) == 1
        assert '"event": "worker_killed"' in process.log
        assert all(is_gone(pid) for pid in pids)


def test_where_one_worker_is_enough_there_is_one_process(tmp_path: Path):
    """With --workers=0, so small a budget is not divided."""
    with ExporterProcess(tmp_path, [NOWHERE, "--workers=0", f"--max-in-flight-bytes={4 * MEBIBYTE}"]) as process:
        status = started(process).status()
        assert "workers" not in status
        assert status["maxInFlightBytes"] == 4 * MEBIBYTE
        children = Path(f"/proc/{process.child.pid}/task/{process.child.pid}/children").read_text()
        assert children == ""
