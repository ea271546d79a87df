"""The life of the operator, on a cluster that is not there."""

import asyncio
import threading
from typing import Any

import pytest
from aiohttp import ClientSession

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import ApiError, OperatorError
from kafka_otlp_operator.loop import controller as module
from kafka_otlp_operator.loop import liveness
from kafka_otlp_operator.loop.controller import Controller
from kafka_otlp_operator.loop.metrics import Metrics
from kafka_otlp_operator.loop.probes import Probes
from kafka_otlp_operator.reconcile import Result
from kafka_otlp_operator.settings import Settings
from tests.beds.process import free_port
from tests.unit.kafka_otlp_operator.resources import raw

EDGE = Key("telemetry", "edge")


class Cluster:
    """Serves the resource from the second question on, unless told otherwise."""

    def __init__(self) -> None:
        self.asked: Any = iter([ApiError("down"), False])
        self.served: Any = iter([ApiError("down"), False])
        self.listed: Any = [EDGE]

    def may(self, attributes):
        answer = next(self.asked, True)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def serves_resources(self):
        answer = next(self.served, True)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def versions(self, namespace):
        if isinstance(self.listed, Exception):
            raise self.listed
        return {key: frozenset({"1"}) for key in self.listed}


class Checker:
    """Only ever closed."""

    closed = False

    def close(self):
        self.closed = True


@pytest.fixture
def seen(monkeypatch):
    """The keys that were reconciled; each ends as ``outcome`` says, which a test may set."""
    found = []

    def reconcile(cluster, checker, settings, key, now):
        found.append(key)
        if key.name == "bug":
            raise ZeroDivisionError
        return Result(failure=OperatorError("not now") if key.name == "later" else None)

    monkeypatch.setattr(module, "reconcile", reconcile)
    monkeypatch.setattr(module, "_NOT_YET_SECONDS", 0.01)
    return found


def live(scenario: Any, cluster: Any = None) -> None:
    """Run a scenario with a started controller and its probes."""

    async def run() -> None:
        checker: Any = Checker()
        settings = Settings(workers=2, port=free_port())
        api: Any = cluster or Cluster()
        made = Controller(api, checker, settings, Metrics())
        probes = Probes(made)
        await probes.start()

        async def get(path):
            async with ClientSession() as session, session.get(f"http://127.0.0.1:{settings.port}{path}") as answer:
                return answer.status, await answer.text()

        try:
            await asyncio.wait_for(scenario(made, get), 10)
        finally:
            await made.stop()
            await probes.stop()
        assert checker.closed

    asyncio.run(run())


async def until(true: Any) -> None:
    """Wait for a condition."""
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def test_starts_when_the_resource_is_served(seen):
    """It waits for the definition, then lists every resource and is ready."""

    async def scenario(controller, get):
        assert (await get("/readyz"))[0] == 503
        await controller.start()
        await until(lambda: seen == [EDGE])
        assert await get("/readyz") == (200, "ok\n")
        assert await get("/livez") == (200, "ok\n")

    live(scenario)


def test_events_name_resources(seen):
    """An event of a resource, or of an object of its name, also of one whose owner was taken away, lets it be reconciled."""

    async def scenario(controller, get):
        await controller.start()
        await until(lambda: seen == [EDGE])
        controller.notice(raw(name="one"))
        controller.notice({"kind": "Service", "metadata": {"namespace": "n", "name": "owner"}})
        await until(lambda: len(seen) == 3)
        assert set(seen) == {EDGE, Key("telemetry", "one"), Key("n", "owner")}

    live(scenario)


def test_events_without_a_new_version_are_passed_over(seen):
    """A status that was written, a label that was set: the resource itself wants what it wanted."""

    async def scenario(controller, get):
        await controller.start()
        await until(lambda: seen == [EDGE])
        seen.clear()
        same: list[Any] = [{}, {"labels": {"a": "b"}}, {"resourceVersion": "9"}]
        for metadata in same:
            controller.notice(raw(name="one", **metadata))
            await until(lambda: controller._queue._working == set() and len(controller._queue) == 0)
        assert seen == [Key("telemetry", "one")]
        other: list[Any] = [{"generation": 2}, {"uid": "uid-2"}, {"deletionTimestamp": "now"}]
        for metadata in other:
            seen.clear()
            controller.notice(raw(name="one", **metadata))
            await until(lambda: seen == [Key("telemetry", "one")])

    live(scenario)


def test_the_status_of_an_autoscaler_is_nobodys_concern(seen):
    """Of what others write a status to now and again only a change of what is asked for counts, and its end."""
    owner = {"kind": "KafkaOtlpExporter", "apiVersion": "kafka-otlp.dev/v1alpha1", "name": "one"}

    def autoscaler(limit: int, status: int) -> Any:
        metadata = {"namespace": "n", "name": "one", "uid": "u", "ownerReferences": [owner], "resourceVersion": status}
        return {
            "kind": "HorizontalPodAutoscaler",
            "metadata": metadata,
            "spec": {"maxReplicas": limit},
            "status": {"currentReplicas": status},
        }

    async def scenario(controller, get):
        await controller.start()
        await until(lambda: seen == [EDGE])
        events = [(5, 1, False), (5, 2, False), (5, 3, False), (6, 4, False), (6, 4, True), (6, 5, False)]
        told = []
        for limit, status, gone in events:
            seen.clear()
            controller.notice(autoscaler(limit, status), gone=gone)
            await until(lambda: controller._queue._working == set() and len(controller._queue) == 0)
            told.append(seen == [Key("n", "one")])
        assert told == [True, False, False, True, True, True]

    live(scenario)


def test_an_error_in_other_words_each_time_is_no_hot_loop(seen):
    """The events of the operator's own status, and of what it made, leave the wait of a failed resource alone."""
    later = Key("telemetry", "later")

    async def scenario(controller, get):
        await controller.start()
        for number in range(50):
            controller.notice(raw(name="later", resourceVersion=str(number)))
            controller.notice({"kind": "Service", "metadata": {"namespace": "telemetry", "name": "later"}})
            await asyncio.sleep(0.01)
        assert seen.count(later) <= 3
        controller.notice(raw(name="later", generation=2))
        tried = seen.count(later)
        await asyncio.wait_for(until(lambda: seen.count(later) > tried), 0.3)

    live(scenario)


def test_what_is_gone_is_forgotten(seen, monkeypatch):
    """The resync keeps in mind only what is there."""
    monkeypatch.setattr(module, "_NOT_YET_SECONDS", 0.01)

    async def scenario(controller, get):
        controller.notice(raw(name="gone"))
        controller.notice(raw())
        await controller.start()
        await until(lambda: controller.unready() is None)
        assert list(controller._seen) == [EDGE]

    live(scenario)


def test_a_bug_stops_nothing(seen):
    """A resource that makes the code crash is counted and tried again; the others are served on."""

    async def scenario(controller, get):
        await controller.start()
        controller.notice(raw(name="bug"))
        controller.notice(raw(name="later"))
        await until(lambda: len(seen) >= 5)
        assert {Key("telemetry", "bug"), Key("telemetry", "later"), EDGE} == set(seen)
        assert await get("/livez") == (200, "ok\n")
        text = (await get("/metrics"))[1]
        assert 'kafka_otlp_operator_reconciles_total{result="crashed"}' in text
        assert 'kafka_otlp_operator_reconciles_total{result="failed"}' in text

    live(scenario)


def test_a_dead_task_ends_the_process(seen):
    """When the resync dies of a bug, /livez fails and names it, so that Kubernetes starts the process anew."""
    cluster = Cluster()
    cluster.listed = ZeroDivisionError()

    async def scenario(controller, get):
        await controller.start()
        await until(controller.dead)
        assert await get("/livez") == (500, "resync ended unexpectedly\n")

    live(scenario, cluster)


def test_a_resync_that_fails_is_tried_again(seen):
    """An API server that cannot be listed is not a reason to end."""
    cluster = Cluster()
    cluster.listed = ApiError("down")

    async def scenario(controller, get):
        await controller.start()
        await asyncio.sleep(0.1)
        assert controller.dead() == []
        assert (await get("/readyz"))[0] == 503

    live(scenario, cluster)


def test_what_the_role_does_not_allow_is_said_until_it_does(seen):
    """One sentence with the verb and the resource, on /readyz; nothing is done before, and no restart is needed."""
    cluster = Cluster()
    denied = {"deployments"}
    cluster.may = lambda attributes: not (attributes["resource"] in denied and attributes["verb"] == "patch")  # type: ignore[method-assign]

    async def scenario(controller, get):
        starting = asyncio.create_task(controller.start())
        await until(lambda: "does not allow" in (controller.unready() or ""))
        status, text = await get("/readyz")
        assert status == 503
        assert "does not allow: patch deployments.apps in every namespace; apply the role" in text
        assert (await get("/livez"))[0] == 200
        assert seen == []
        denied.clear()
        await starting
        await until(lambda: seen == [EDGE])

    live(scenario, cluster)


def test_what_can_be_done_without_holds_nothing_up(seen):
    """Events, words about pods, and kinds that are not installed."""
    cluster = Cluster()
    without = {"events", "pods", "podmonitors", "customresourcedefinitions"}
    cluster.may = lambda attributes: attributes["resource"] not in without  # type: ignore[method-assign]

    async def scenario(controller, get):
        await controller.start()
        await until(lambda: seen == [EDGE])

    live(scenario, cluster)


def test_resources_are_counted_by_readiness(seen, monkeypatch):
    """As long as they are there."""
    ready = {"edge": "True", "one": "False", "two": "False", "gone": "True"}

    def reconcile(cluster, checker, settings, key, now):
        condition = {"status": ready[key.name], "reason": "Said", "message": "It was said."}
        return Result(condition) if key.name in ready else Result()

    monkeypatch.setattr(module, "reconcile", reconcile)
    cluster = Cluster()
    cluster.listed = [Key("telemetry", name) for name in ready]

    async def scenario(controller, get):
        await controller.start()
        await until(lambda: len(controller._ready) == 4)
        monkeypatch.setattr(module, "reconcile", lambda *_: Result())
        controller.notice(raw(name="gone", generation=2))
        await until(lambda: len(controller._ready) == 3)
        text = (await get("/metrics"))[1]
        assert 'kafka_otlp_operator_resources{ready="True"} 1.0' in text
        assert 'kafka_otlp_operator_resources{ready="False"} 2.0' in text
        assert 'kafka_otlp_operator_resources{ready="Unknown"} 0.0' in text
        assert "kafka_otlp_operator_leader 1.0" in text
        assert "kafka_otlp_operator_queue_oldest_seconds 0.0" in text

    live(scenario, cluster)


def test_a_reconcile_that_hangs_fails_livez(seen, monkeypatch):
    """And names the resource."""
    monkeypatch.setattr(liveness, "LONGEST_SECONDS", 0.05)
    release = threading.Event()
    monkeypatch.setattr(module, "reconcile", lambda *_: release.wait(5) and Result())

    async def scenario(controller, get):
        await controller.start()
        await until(controller.dead)
        assert await get("/livez") == (
            500,
            "the work on telemetry/edge has taken more than 0 s\n",
        )
        release.set()

    live(scenario)
