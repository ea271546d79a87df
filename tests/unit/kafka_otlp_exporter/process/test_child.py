"""A worker process as its supervisor sees it."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kafka_otlp_exporter.process.channel import Order
from kafka_otlp_exporter.process.child import Child
from tests.beds.process import free_port

SECRET = "--kafka-exporter-sasl-password=hunter2"
SETTINGS: dict[str, str | int] = {
    "otlp_grpc_endpoint": "127.0.0.1:0",
    "admin_endpoint": "",
    "max_in_flight_bytes": 4 * 1024 * 1024,
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch):
    """No option in the environment."""
    monkeypatch.setenv("KAFKA_EXPORTER_BROKERS", f"127.0.0.1:{free_port()}")


def order(*flags: str) -> Order:
    """The order of worker 1."""
    return Order(1, ["start", *flags], SETTINGS)


def run(test: Callable[[Child], Awaitable[None]]) -> None:
    """Run ``test`` with a child, whose process is killed at the end."""

    async def body() -> None:
        child = Child(1)
        try:
            await test(child)
        finally:
            if child.pid is not None:
                child.signal(signal.SIGKILL)
                await child.ended()

    asyncio.run(body())


def test_a_worker_starts_answers_and_ends():
    """With the port and the budget of its order."""

    async def test(child: Child) -> None:
        await child.start(order())
        await asyncio.wait_for(child.serves.wait(), 60)
        assert child.started["otlp_grpc_port"] > 0
        assert child.started["max_in_flight_bytes"] == SETTINGS["max_in_flight_bytes"]
        await child.ask_report()
        await child.ask_metrics()
        assert child.report is not None
        assert (child.report["live"], child.report["status"]["state"]) == (None, "serving")
        assert "kafka_otlp_exporter_workers 1.0" in child.metrics
        child.signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.ended(), 60) == 0
        assert child.pid is None
        assert not child.serves.is_set()
        assert child.metrics

    run(test)


def test_a_wrong_option_is_a_sentence_and_exit_code_2():
    """The supervisor gets the sentence; the worker does not write it."""

    async def test(child: Child) -> None:
        await child.start(order("--kafka-exporter-custom-config=no.such=1"))
        assert await asyncio.wait_for(child.ended(), 60) == 2
        assert child.refused is not None
        assert 'No such configuration property: "no.such"' in child.refused

    run(test)


def test_a_worker_is_started_again_after_a_kill():
    """The same Child then answers again."""

    async def test(child: Child) -> None:
        for _ in range(2):
            await child.start(order())
            await asyncio.wait_for(child.serves.wait(), 60)
            await child.ask_report()
            assert child.report is not None
            child.signal(signal.SIGKILL)
            assert await asyncio.wait_for(child.ended(), 60) == -signal.SIGKILL

    run(test)


def test_a_worker_that_hangs_is_asked_for_a_moment_only():
    """Its last answer and the time of it stay."""

    async def test(child: Child) -> None:
        await child.start(order())
        await asyncio.wait_for(child.serves.wait(), 60)
        await child.ask_report()
        before, heard = child.report, child.heard
        child.signal(signal.SIGSTOP)
        for _ in range(10):
            began = time.monotonic()
            await child.ask_report()
            assert time.monotonic() - began < 30
        assert (child.report, child.heard) == (before, heard)
        child.signal(signal.SIGCONT)

    run(test)


def test_no_argument_of_a_worker_is_a_secret():
    """Secrets go over the channel, because every user of the machine can read arguments."""

    async def test(child: Child) -> None:
        flags = ["--kafka-exporter-security-protocol=SASL_PLAINTEXT", "--kafka-exporter-sasl-mechanism=PLAIN"]
        await child.start(order(*flags, "--kafka-exporter-sasl-username=u", SECRET))
        await asyncio.wait_for(child.serves.wait(), 60)
        assert seen(child.pid) == []

    def seen(pid: int | None) -> list[str]:
        return [name for name in ("cmdline", "environ") if b"hunter2" in Path(f"/proc/{pid}/{name}").read_bytes()]

    run(test)


def test_a_signal_in_the_moment_of_its_end_does_not_lose_its_exit_code():
    """Signals arrive before, while and after the process ends; none of them reaps the process."""

    async def test(child: Child) -> None:
        await child.start(order("--kafka-exporter-custom-config=no.such=1"))
        ended = asyncio.create_task(child.ended())
        while not ended.done():
            child.signal(signal.SIGCONT)
            await asyncio.sleep(0)
        assert await ended == 2

    run(test)
