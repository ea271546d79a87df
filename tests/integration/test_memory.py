"""The most memory that a process needs: requests that grow most, a budget of 32 MiB, and no Kafka that takes records."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from kafka_otlp_exporter.config.settings import MEBIBYTE
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.otlp.wire import enclose
from tests.beds.exporter import ExporterProcess
from tests.beds.process import free_port

BUDGET = 32 * MEBIBYTE
CLIENTS = 6
# The budget of a pod with 256 MiB: an eighth.
ALLOWED = 256 * MEBIBYTE

BY_TRACE = "--kafka-exporter-partition-traces-by-trace-id"
JSON = "--kafka-exporter-format=json"
RECORDS_OF_ANY_SIZE = "--kafka-exporter-max-message-bytes=100000000"


def request(resource: bytes, spans: bytes) -> bytes:
    """A request of one scope; the resource has one attribute of this text."""
    attribute = enclose(1, enclose(1, b"fat") + enclose(2, enclose(1, resource)))
    return enclose(1, enclose(1, attribute) + enclose(2, spans))


def traces(room: int) -> bytes:
    """As many spans as fit, each in its own trace."""
    return b"".join(enclose(2, enclose(1, number.to_bytes(16, "big"))) for number in range(1, room // 20 - 60))


def scopes(room: int) -> bytes:
    """As many scopes with one span as fit, of two traces in turn."""
    one, other = (enclose(2, enclose(2, enclose(1, trace * 16))) for trace in (b"a", b"b"))
    return enclose(1, (one + other) * (room // (2 * len(one)) - 10))


LARGEST, JSON_LARGEST = BUDGET // 4, BUDGET // 8
SPANS = JSON_LARGEST // 4 - 40
HOSTILE = b"\x01"  # six bytes in JSON
DROPPED = b"\x50\x01"  # droppedAttributesCount: 26 bytes in JSON
LINK = enclose(13, b"\x28\x01")

# The requests that grow most, as large as a request may be: flags, and the function that makes the request.
CASES: dict[str, tuple[list[str], Callable[[], bytes]]] = {
    "half a resource": ([BY_TRACE], lambda: request(b"x" * (LARGEST // 2), traces(LARGEST // 2))),
    "a large resource": ([BY_TRACE], lambda: request(b"x" * 100_000, traces(LARGEST - 100_000))),
    "scopes": ([BY_TRACE], lambda: scopes(LARGEST)),
    "JSON, a large resource": ([JSON, BY_TRACE], lambda: request(HOSTILE * 100_000, traces(JSON_LARGEST - 100_000))),
    "JSON, one string": ([JSON], lambda: request(b"", enclose(2, enclose(5, HOSTILE * (JSON_LARGEST - 200))))),
    "JSON, counts": ([JSON], lambda: request(b"", enclose(2, DROPPED) * SPANS)),
    "JSON, links": ([JSON, RECORDS_OF_ANY_SIZE], lambda: request(b"", enclose(2, LINK * SPANS))),
}


def peak(process: ExporterProcess) -> int:
    """The peak of the process's memory, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.child.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize("case", CASES)
def test_requests_that_grow_stay_within_the_memory_of_a_pod(case: str, tmp_path: Path) -> None:
    """Six at a time; each is answered, and none as invalid."""
    flags, make = CASES[case]
    payload = make()
    nowhere = [f"--kafka-exporter-brokers=127.0.0.1:{free_port()}", "--kafka-exporter-request-timeout=3s"]
    budget = [f"--max-in-flight-bytes={BUDGET}", "--shutdown-timeout=1s"]
    told: list[grpc.StatusCode] = []
    with ExporterProcess(tmp_path, [*nowhere, *budget, *flags]) as process:
        process.child.wait_until(lambda: '"started"' in process.log, 20, "started")

        def send(_: int) -> None:
            # One connection for each client. The stubs do not know the type of a call without a serializer.
            with grpc.insecure_channel(process.otlp, [("grpc.use_local_subchannel_pool", 1)]) as channel:
                call: Any = channel.unary_unary(SIGNALS[Signal.TRACES].method)
                try:
                    call(payload, timeout=120)
                    told.append(grpc.StatusCode.OK)
                except grpc.RpcError as error:
                    told.append(error.code())

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(send, range(CLIENTS)))
        most = peak(process)
        taken = re.search(r'received_bytes_total\{signal="traces"\} (\S+)', process.metrics())
    assert taken
    assert float(taken[1]) >= len(payload), "none was let in"
    print(f"{case}: a request of {len(payload) / MEBIBYTE:.1f} MiB: at most {most / MEBIBYTE:.0f} MiB")
    assert set(told) <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    assert len(told) == CLIENTS
    assert most < ALLOWED
