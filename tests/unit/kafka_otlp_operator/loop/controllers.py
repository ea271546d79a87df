"""A controller with its probes, on a cluster in memory, for tests of the life of the operator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import ClientSession

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.loop.controller import ClosableChecks, Controller
from kafka_otlp_operator.loop.metrics import Metrics
from kafka_otlp_operator.loop.probes import Probes
from kafka_otlp_operator.resource.spec import Resource
from kafka_otlp_operator.settings import Settings
from tests.beds.process import free_port
from tests.unit.kafka_otlp_operator.fake_cluster import FakeCluster
from tests.unit.kafka_otlp_operator.loop.candidates import Candidate, Server, soon

EDGE, LATER, AWAY, BUG = (Key("telemetry", name) for name in ("edge", "later", "away", "bug"))

Get = Callable[[str], Awaitable[tuple[int, str]]]
Scenario = Callable[[Controller, Get], Coroutine[Any, Any, None]]


class Checker:
    """Finds nothing wrong, and may only be closed once."""

    closed = False

    def check(self, resource: Resource) -> str | None:
        return None

    def close(self) -> None:
        assert not self.closed
        self.closed = True


_: Callable[[], ClosableChecks] = Checker


def served(*listed: Key) -> FakeCluster:
    """A cluster that has these resources."""
    cluster = FakeCluster()
    cluster.listed = listed
    return cluster


def live(
    scenario: Scenario,
    cluster: FakeCluster | None = None,
    leads: Callable[[Server], Candidate] | None = None,
    **settings: Any,
) -> Server:
    """Run a scenario with a controller and its probes, stop it, and return the server of the Lease.

    ``settings`` may have values that no environment could set.
    """
    server = Server()

    async def run() -> None:
        checker = Checker()
        wanted = Settings(workers=2, port=free_port()).model_copy(update=settings)
        made = Controller(cluster or served(EDGE), checker, wanted, Metrics(), leads(server) if leads else None)
        probes = Probes(made)
        await probes.start()

        async def get(path: str) -> tuple[int, str]:
            async with ClientSession() as session, session.get(f"http://127.0.0.1:{wanted.port}{path}") as answer:
                return answer.status, await answer.text()

        try:
            await asyncio.wait_for(scenario(made, get), 10)
        finally:
            await made.stop()
            stopped = await get("/readyz"), await get("/livez"), made._queue._timers
            await probes.stop()
        assert checker.closed
        assert stopped == ((503, "the operator is stopping\n"), (200, "ok\n"), {})

    asyncio.run(run())
    return server


def idle(controller: Controller) -> bool:
    """Whether nothing waits and nothing is at work."""
    return len(controller._queue) == 0 and controller._queue._working == set()


async def resyncs(controller: Controller, count: int) -> None:
    """Wait for so many more resyncs that go well."""

    def done() -> float:
        found: float = controller.metrics.resyncs.labels("done")._value.get()
        return found

    before = done()
    await soon(lambda: done() >= before + count)
