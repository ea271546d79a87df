"""The operator and its Lease: what it does as a standby, when it leads, and when it stops."""

import asyncio
import threading
from typing import Any

import pytest

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import OperatorError
from kafka_otlp_operator.loop import controller as module
from kafka_otlp_operator.loop.controller import Controller
from kafka_otlp_operator.reconcile import Result
from tests.unit.kafka_otlp_operator.loop.candidates import Candidate, Server, soon
from tests.unit.kafka_otlp_operator.loop.controllers import EDGE, Get, live


def test_a_standby_does_nothing_until_it_leads(seen: list[Key]) -> None:
    """It is ready, and names the leader. When it leads it begins, and it renews the Lease until it loses it."""
    made: list[Candidate] = []

    def leads(server: Server) -> Candidate:
        made.extend([Candidate(server, "one"), Candidate(server, "two")])
        return made[0]

    async def scenario(controller: Controller, get: Get) -> None:
        one, two = made
        assert controller.standby() == "nobody"
        await two.acquire()
        starting = asyncio.create_task(controller.start())
        await soon(lambda: one.holder == "two")
        await one.tried()
        assert await get("/readyz") == (200, "standby: two leads\n")
        assert "kafka_otlp_operator_leader 0.0" in (await get("/metrics"))[1]
        one.connection.broken = True
        one.now += 20
        assert await get("/readyz") == (503, "the Lease could not be read for 20 s\n")
        one.connection.broken = False
        assert seen == []
        await two.release()
        await starting
        await soon(lambda: seen == [EDGE] and controller.unready() is None)
        assert await get("/readyz") == (200, "ok\n")
        assert "kafka_otlp_operator_leader 1.0" in (await get("/metrics"))[1]
        version = one.connection.server.version
        await soon(lambda: one.connection.server.version != version)
        one.connection.broken = True
        one.now += 20
        await soon(lambda: one.ends)
        assert await get("/livez") == (500, "lease ended unexpectedly\n")

    live(scenario, leads=leads)


def alone(server: Server) -> Candidate:
    """A candidate without another one."""
    return Candidate(server, "one")


def test_a_stop_waits_for_the_work_and_then_gives_the_lease_back(
    seen: list[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next leader may act at once: nothing of this one is under way any more."""
    begun, release, held = threading.Event(), threading.Event(), []

    def reconcile(cluster: Any, checker: Any, settings: Any, key: Key, now: Any) -> Result:
        begun.set()
        release.wait(9)
        held.append(servers[0].spec["holderIdentity"])
        return Result(failure=OperatorError("a retry must not outlive the stop"))

    monkeypatch.setattr(module, "reconcile", reconcile)
    servers: list[Server] = []

    def leads(server: Server) -> Candidate:
        servers.append(server)
        return alone(server)

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(begun.is_set)
        asyncio.get_running_loop().call_later(0.05, release.set)

    assert live(scenario, leads=leads).spec["holderIdentity"] == ""
    assert held == ["one"]


def test_the_lease_is_not_given_back_while_a_write_may_be_under_way(
    seen: list[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reconcile that does not end in time may still write; the next leader has to wait until the Lease expires."""
    monkeypatch.setattr(module, "_STOP_SECONDS", 0.05)
    begun, release = threading.Event(), threading.Event()

    def reconcile(cluster: Any, checker: Any, settings: Any, key: Key, now: Any) -> Result:
        begun.set()
        release.wait(9)
        return Result()

    monkeypatch.setattr(module, "reconcile", reconcile)
    released: list[bool] = []

    class Released(Candidate):
        async def release(self, *, give_back: bool = True) -> None:
            released.append(release.is_set())
            await super().release(give_back=give_back)
            release.set()

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(begun.is_set)

    assert live(scenario, leads=lambda server: Released(server, "one")).spec["holderIdentity"] == "one"
    assert released == [False]
