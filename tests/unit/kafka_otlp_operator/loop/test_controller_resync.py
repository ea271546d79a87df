"""The resync of the operator."""

import threading
from typing import Any

import pytest

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import ApiError
from kafka_otlp_operator.loop import controller as module
from kafka_otlp_operator.loop.controller import Controller
from kafka_otlp_operator.reconcile import Result
from tests.unit.kafka_otlp_operator.fake_cluster import FakeCluster
from tests.unit.kafka_otlp_operator.loop.candidates import soon
from tests.unit.kafka_otlp_operator.loop.controllers import EDGE, LATER, Get, idle, live, resyncs, served
from tests.unit.kafka_otlp_operator.resources import raw


def test_a_resync_leaves_alone_what_has_nothing_to_do(seen: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    """And reconciles the others each time."""
    other = Key("telemetry", "other")
    done: list[Key] = []

    def reconcile(cluster: Any, checker: Any, settings: Any, key: Key, now: Any) -> Result:
        done.append(key)
        return Result(lasting=key == EDGE)

    monkeypatch.setattr(module, "reconcile", reconcile)

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(lambda: EDGE in done)
        while True:  # a resync may come before the first reconcile has ended
            done.clear()
            await resyncs(controller, 3)
            if EDGE not in done:
                break
        await soon(lambda: other in done)

    live(scenario, served(EDGE, other), resync_seconds=0.01)


def test_some_namespaces_only(seen: list[Key]) -> None:
    """The resources of each are listed, and no others."""
    elsewhere, nowhere = Key("elsewhere", "edge"), Key("nowhere", "edge")

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(lambda: len(seen) >= 2 and controller.unready() is None and idle(controller))
        assert set(seen) == {EDGE, elsewhere}

    live(scenario, served(EDGE, elsewhere, nowhere), namespaces="telemetry,elsewhere")


@pytest.mark.parametrize(("relist", "resync"), [(0.002, 1000.0), (1000.0, 0.002)], ids=["sooner", "with the next"])
def test_a_resync_that_fails_is_tried_again(
    seen: list[Key], monkeypatch: pytest.MonkeyPatch, relist: float, resync: float
) -> None:
    """Soon, and until it goes well: the process stays alive, says that it is not ready, and then reconciles what is listed."""
    monkeypatch.setattr(module, "_RELIST_SECONDS", relist)
    cluster = FakeCluster()
    cluster.listed = ApiError("down")
    tries: list[bool] = []

    async def scenario(controller: Controller, get: Get) -> None:
        monkeypatch.setattr(controller._liveness, "resync", lambda *, listed: tries.append(listed))
        await controller.start()
        await soon(lambda: len(tries) >= 3)
        assert set(tries) == {False}
        assert controller.dead() == []
        assert await get("/readyz") == (503, "the resources have not been listed yet\n")
        assert seen == []
        cluster.listed = [EDGE]
        await soon(lambda: seen)
        assert tries[tries.index(True) :].count(False) == 0
        failed = (await get("/metrics"))[1].split('kafka_otlp_operator_resyncs_total{result="failed"} ')[1]
        assert float(failed.splitlines()[0]) == tries.count(False)
        assert await get("/readyz") == (200, "ok\n")

    live(scenario, cluster, resync_seconds=resync)


def test_a_resync_goes_on_while_all_workers_are_at_work(seen: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a thread of its own."""
    release = threading.Event()

    def reconcile(cluster: Any, checker: Any, settings: Any, key: Key, now: Any) -> Result:
        seen.append(key)
        release.wait(9)
        return Result()

    monkeypatch.setattr(module, "reconcile", reconcile)

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(lambda: len(seen) == 2)
        await resyncs(controller, 2)
        release.set()

    live(scenario, served(EDGE, LATER), resync_seconds=0.01)


def test_resources_are_counted_by_readiness(seen: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as they exist."""
    ready = {"edge": "True", "one": "False", "two": "False", "gone": "True"}

    def reconcile(cluster: Any, checker: Any, settings: Any, key: Key, now: Any) -> Result:
        condition = {"status": ready.get(key.name), "reason": "Said", "message": "It was said."}
        return Result(condition) if key.name in ready else Result()

    def counted() -> list[int]:
        return [controllers[0]._memory.count(status) for status in ("True", "False", "Unknown")]

    monkeypatch.setattr(module, "reconcile", reconcile)
    controllers: list[Controller] = []

    async def scenario(controller: Controller, get: Get) -> None:
        controllers.append(controller)
        await controller.start()
        await soon(lambda: counted() == [2, 2, 0])
        del ready["gone"]
        controller.notice(raw(name="gone", generation=2))
        await soon(lambda: counted() == [1, 2, 0])
        text = (await get("/metrics"))[1]
        assert 'kafka_otlp_operator_resources{ready="True"} 1.0' in text
        assert 'kafka_otlp_operator_resources{ready="False"} 2.0' in text
        assert 'kafka_otlp_operator_resources{ready="Unknown"} 0.0' in text
        assert "kafka_otlp_operator_queue_oldest_seconds 0.0" in text

    live(scenario, served(*(Key("telemetry", name) for name in ready)))


def test_a_dead_task_ends_the_process(seen: list[Key]) -> None:
    """When the resync dies of a bug, /livez fails and names it, so that Kubernetes restarts the process."""
    cluster = FakeCluster()
    cluster.listed = ZeroDivisionError()

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(controller.dead)
        assert await get("/livez") == (500, "resync ended unexpectedly\n")

    live(scenario, cluster)
