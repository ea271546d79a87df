"""The life of the operator: its start, events, retries and probes."""

import asyncio
import threading
from typing import Any

import pytest

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import ApiError
from kafka_otlp_operator.loop import controller as module
from kafka_otlp_operator.loop import liveness, queue
from kafka_otlp_operator.loop.controller import Controller
from kafka_otlp_operator.reconcile import Result
from tests.unit.kafka_otlp_operator.loop.candidates import soon
from tests.unit.kafka_otlp_operator.loop.controllers import AWAY, BUG, EDGE, LATER, Get, idle, live, served
from tests.unit.kafka_otlp_operator.resources import raw


def test_starts_when_the_resource_is_served(seen: list[Key]) -> None:
    """The operator waits for its rights and the definition. Then it lists every resource and is ready."""
    cluster = served(EDGE)
    cluster.rights = iter([ApiError("down"), False])
    cluster.definition = iter([ApiError("down"), False])

    async def scenario(controller: Controller, get: Get) -> None:
        assert (await get("/readyz"))[0] == 503
        assert "kafka_otlp_operator_leader 0.0" in (await get("/metrics"))[1]
        await controller.start()
        await soon(lambda: seen == [EDGE] and controller.unready() is None)
        assert await get("/readyz") == (200, "ok\n")
        assert await get("/livez") == (200, "ok\n")
        assert "kafka_otlp_operator_leader 1.0" in (await get("/metrics"))[1]

    live(scenario, cluster)


def test_events_name_resources(seen: list[Key]) -> None:
    """An event of a resource, or of an object of its name, leads to a reconcile.

    The object need not have its owner any more, and may look as before: the reconcile reads its status.
    """

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(lambda: seen == [EDGE])
        controller.notice(raw(name="one"))
        for count in (1, 2):
            controller.notice({"kind": "Deployment", "metadata": {"namespace": "n", "name": "owner"}})
            await soon(lambda count=count: seen.count(Key("n", "owner")) == count and idle(controller))  # type: ignore[misc]
        assert set(seen) == {EDGE, Key("telemetry", "one"), Key("n", "owner")}

    live(scenario)


def test_events_without_a_new_version_are_passed_over(seen: list[Key]) -> None:
    """After a status that was written, or a label that was set, the resource asks for the same as before."""

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(lambda: seen == [EDGE] and idle(controller))
        same: list[Any] = [{}, {"labels": {"a": "b"}}, {"resourceVersion": "9"}]
        for metadata in same:
            controller.notice(raw(name="one", **metadata))
            await soon(lambda: idle(controller))
        assert seen == [EDGE, Key("telemetry", "one")]
        controller.notice(raw(name="one", generation=2))
        await soon(lambda: seen == [EDGE, *[Key("telemetry", "one")] * 2])

    live(scenario)


def test_the_status_of_an_autoscaler_is_nobodys_concern(seen: list[Key]) -> None:
    """Other controllers write it again and again. Only a change of what the object asks for counts, and its end."""

    def autoscaler(limit: int, replicas: int) -> Any:
        return {
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"namespace": "n", "name": "one", "uid": "u"},
            "spec": {"maxReplicas": limit},
            "status": {"currentReplicas": replicas},
        }

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(lambda: seen == [EDGE])
        found = []
        for limit, replicas, gone in [(5, 1, False), (5, 2, False), (6, 2, False), (6, 2, True), (6, 2, False)]:
            seen.clear()
            controller.notice(autoscaler(limit, replicas), gone=gone)
            await soon(lambda: idle(controller))
            found.append(seen == [Key("n", "one")])
        assert found == [True, False, True, True, True]

    live(scenario)


def test_an_error_in_other_words_each_time_is_no_hot_loop(seen: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of the operator's own status, and of what it made, do not shorten the wait of a resource that failed."""
    monkeypatch.setattr(queue, "_FIRST_SECONDS", 1000.0)
    monkeypatch.setattr(module, "LONGEST_SECONDS", 1000.0)

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        controller.notice(raw(name="later"))
        await soon(lambda: seen == [LATER] and idle(controller) and controller.unready() is None)
        for number in range(50):
            controller.notice(raw(name="later", resourceVersion=str(number)))
            controller.notice({"kind": "Service", "metadata": {"namespace": "telemetry", "name": "later"}})
            assert len(controller._queue) == 0
        controller.notice(raw(name="later", generation=2))
        await soon(lambda: seen == [LATER, LATER])

    live(scenario, served(LATER))


def test_while_the_api_server_is_away_the_next_try_comes_soon(seen: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it failed; another failure waits as long as the number of failures says."""
    monkeypatch.setattr(queue, "_FIRST_SECONDS", 1000.0)
    monkeypatch.setattr(module, "LONGEST_SECONDS", 1000.0)
    monkeypatch.setattr(module, "_AWAY_SECONDS", 0.01)

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(lambda: seen.count(AWAY) >= 4)
        assert seen.count(LATER) == 1

    live(scenario, served(LATER, AWAY))


def test_what_is_not_settled_is_looked_at_again(seen: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an event, and long before the next resync."""
    monkeypatch.setattr(queue, "_FIRST_LOOK_SECONDS", 0.001)

    def reconcile(cluster: Any, checker: Any, settings: Any, key: Key, now: Any) -> Result:
        seen.append(key)
        return Result(settled=len(seen) == 4)

    monkeypatch.setattr(module, "reconcile", reconcile)

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(lambda: len(seen) == 4)

    live(scenario)


def test_a_bug_stops_nothing(seen: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    """A resource that makes the code crash is tried again, and the others are still served."""
    monkeypatch.setattr(queue, "_FIRST_SECONDS", 0.01)

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        controller.notice(raw(name="bug"))
        controller.notice(raw(name="later"))
        await soon(lambda: min(seen.count(BUG), seen.count(LATER)) >= 2)
        assert {BUG, LATER, EDGE} == set(seen)
        assert await get("/livez") == (200, "ok\n")
        text = (await get("/metrics"))[1]
        assert 'kafka_otlp_operator_reconciles_total{result="crashed"}' in text
        assert 'kafka_otlp_operator_reconciles_total{result="failed"}' in text

    live(scenario)


def test_what_the_role_does_not_allow_is_said_until_it_does(seen: list[Key]) -> None:
    """/readyz has one sentence with the verb and the resource. Nothing is done before, and no restart is needed."""
    cluster = served(EDGE)
    denied = {"deployments"}
    cluster.forbids = lambda attributes: attributes["resource"] in denied and attributes["verb"] == "patch"

    async def scenario(controller: Controller, get: Get) -> None:
        starting = asyncio.create_task(controller.start())
        await soon(lambda: "does not allow" in (controller.unready() or ""))
        status, text = await get("/readyz")
        assert status == 503
        assert "does not allow: patch deployments.apps in every namespace; apply the role" in text
        assert (await get("/livez"))[0] == 200
        assert seen == []
        denied.clear()
        await starting
        await soon(lambda: seen == [EDGE])

    live(scenario, cluster)


def test_what_can_be_done_without_holds_nothing_up(seen: list[Key]) -> None:
    """Events, words about pods, and kinds that are not installed."""
    cluster = served(EDGE)
    without = {"events", "pods", "podmonitors", "customresourcedefinitions"}
    cluster.forbids = lambda attributes: attributes["resource"] in without

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(lambda: seen == [EDGE])

    live(scenario, cluster)


def test_a_reconcile_that_hangs_fails_livez(seen: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    """/livez names the resource, until the work has ended."""
    monkeypatch.setattr(liveness, "LONGEST_SECONDS", -1.0)
    release = threading.Event()
    monkeypatch.setattr(module, "reconcile", lambda *_: release.wait(9) and Result())

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(controller.dead)
        assert await get("/livez") == (500, "the work on telemetry/edge has taken more than -1 s\n")
        release.set()
        await soon(lambda: not controller.dead())

    live(scenario)


def test_probes_say_what_liveness_found(seen: list[Key], monkeypatch: pytest.MonkeyPatch) -> None:
    """/livez with the number of the resources that wait, /readyz when the last listing is too old."""

    async def scenario(controller: Controller, get: Get) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(controller._liveness, "stopped", lambda waiting: [f"{waiting} wait"])
            controller.notice(raw(name="one"))
            assert await get("/livez") == (500, "1 wait\n")
        await controller.start()
        await soon(lambda: controller.unready() is None)
        monkeypatch.setattr(controller._liveness, "late", lambda: "too old")
        assert await get("/readyz") == (503, "too old\n")

    live(scenario)
