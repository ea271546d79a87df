"""The life of the operator, on a cluster in memory."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from aiohttp import ClientSession

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import ApiError, OperatorError, Unavailable
from kafka_otlp_operator.loop import controller as module
from kafka_otlp_operator.loop import leadership, liveness, queue
from kafka_otlp_operator.loop.controller import ClosableChecks, Controller
from kafka_otlp_operator.loop.metrics import Metrics
from kafka_otlp_operator.loop.probes import Probes
from kafka_otlp_operator.reconcile import Result
from kafka_otlp_operator.resource.spec import Resource
from kafka_otlp_operator.settings import Settings
from tests.beds.process import free_port
from tests.unit.kafka_otlp_operator.fake_cluster import FakeCluster
from tests.unit.kafka_otlp_operator.loop.candidates import Candidate, Server, soon
from tests.unit.kafka_otlp_operator.resources import raw

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


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Key]:
    """The keys that were reconciled. Some names fail; the others do well."""
    found: list[Key] = []

    def reconcile(cluster: Any, checker: Any, settings: Any, key: Key, now: Any) -> Result:
        found.append(key)
        if key == BUG:
            raise ZeroDivisionError
        return Result(failure={LATER: OperatorError("not now"), AWAY: Unavailable("no answer")}.get(key))

    monkeypatch.setattr(module, "reconcile", reconcile)
    monkeypatch.setattr(module, "_NOT_YET_SECONDS", 0.01)
    monkeypatch.setattr(leadership, "RETRY_SECONDS", 0.002)
    return found


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


def test_a_dead_task_ends_the_process(seen: list[Key]) -> None:
    """When the resync dies of a bug, /livez fails and names it, so that Kubernetes restarts the process."""
    cluster = FakeCluster()
    cluster.listed = ZeroDivisionError()

    async def scenario(controller: Controller, get: Get) -> None:
        await controller.start()
        await soon(controller.dead)
        assert await get("/livez") == (500, "resync ended unexpectedly\n")

    live(scenario, cluster)


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
