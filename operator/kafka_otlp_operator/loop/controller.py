"""The life of the operator between start and stop: the queue, its workers, the resync, and what probes may ask.

``handlers`` starts and stops it, and tells it which resources may have changed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

import structlog

from kafka_otlp_operator import names
from kafka_otlp_operator.api import preflight
from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.check import Checker
from kafka_otlp_operator.errors import ApiError, OperatorError, Unavailable
from kafka_otlp_operator.loop.leadership import Leadership
from kafka_otlp_operator.loop.liveness import Pulse
from kafka_otlp_operator.loop.metrics import Metrics
from kafka_otlp_operator.loop.queue import LONGEST_SECONDS, WorkQueue
from kafka_otlp_operator.loop.resync_memory import Unchanged, Versions
from kafka_otlp_operator.objects.kinds import CHILDREN
from kafka_otlp_operator.reconcile import Objects, Result, reconcile
from kafka_otlp_operator.settings import Settings

_STOP_SECONDS = 10.0
# While the API server is away everything fails, however often it has failed before; it is to be noticed soon when it is back.
_AWAY_SECONDS = 8.0
_NOT_YET_SECONDS = 2.0

Answer = TypeVar("Answer")

log = structlog.stdlib.get_logger("kafka_otlp_operator")


class _Version(NamedTuple):
    """What of a resource changes when the resource does, but not when its status does."""

    uid: str | None
    generation: int | None
    deleted: str | None


class Controller:
    """Reconciles what ``notice`` and the resync put into its queue; with a ``leadership``, when it leads."""

    def __init__(
        self,
        cluster: Objects,
        checker: Checker,
        settings: Settings,
        metrics: Metrics,
        leadership: Leadership | None = None,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._cluster = cluster
        self._checker = checker
        self._leadership = leadership
        # asyncio's own threads are fewer where there are few CPUs, and these wait rather than work.
        self._threads = ThreadPoolExecutor(settings.workers + 1, "api")
        self._chance = random.Random()  # noqa: S311
        self._queue: WorkQueue[Key] = WorkQueue(self._chance)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[Key, _Version] = {}
        self._asked: dict[tuple[str, str, str], int] = {}
        self._waits_for: str | None = "the API server has not been asked yet"
        self._stopping = False
        self._left_at_work = False
        self._pulse = Pulse(settings.resync_seconds, time.monotonic)
        self._unchanged = Unchanged()
        self._ready: dict[Key, str] = {}
        self._show()

    async def start(self) -> None:
        """Start the workers and the resync in the running event loop, once nothing is missing, and it leads."""
        for check in preflight.CHECKS:
            while (missing := await self._run(partial(check, self._cluster, self.settings))) is not None:
                if missing != self._waits_for:
                    log.warning("cannot start yet", reason=missing)
                self._waits_for = missing
                await asyncio.sleep(_NOT_YET_SECONDS)
        if self._leadership is not None:
            self._waits_for = None
            await self._leadership.acquire()
            self._begin("lease", self._leadership.keep())
        self._waits_for = "the resources have not been listed yet"
        for number in range(self.settings.workers):
            self._begin(f"worker {number}", self._work())
        self._begin("resync", self._resync())

    async def stop(self) -> None:
        """Let the workers finish what they have begun, for ten seconds at most."""
        self._stopping = True
        self._queue.close()
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=2 * _STOP_SECONDS)
        if self._leadership is not None:
            await self._leadership.release(give_back=not self._left_at_work)
        await self._run(self._checker.close)
        self._threads.shutdown(wait=False)

    def notice(self, body: Mapping[str, Any], *, gone: bool = False) -> None:
        """An event came for a resource, or for an object that the operator made for one; ``gone``: it was deleted."""
        metadata = body["metadata"]
        if body["kind"] == names.KIND:
            self._notice_resource(Key(metadata["namespace"], metadata["name"]), metadata)
            return
        if CHILDREN[body["kind"]].busy and not self._asks_anew(body, gone=gone):
            return
        # An object has its resource's name; its owner reference may be what was taken away.
        self._queue.add(Key(metadata["namespace"], metadata["name"]))

    def _notice_resource(self, key: Key, metadata: Mapping[str, Any]) -> None:
        """Pass over events that tell of no new version: most of them are of the status that was written last.

        Without that, an error that is told in other words each time would be tried again at once, for ever.
        """
        version = _Version(metadata.get("uid"), metadata.get("generation"), metadata.get("deletionTimestamp"))
        if self._seen.get(key) != version:
            self._seen[key] = version
            self._queue.add(key, new=True)

    def _asks_anew(self, body: Mapping[str, Any], *, gone: bool) -> bool:
        """Whether more than the status has changed: an autoscaler's does every 15 seconds, for as long as it is there."""
        metadata = body["metadata"]
        key = (body["kind"], metadata["namespace"], metadata["name"])
        if gone:
            self._asked.pop(key, None)
            return True
        asked = [
            metadata.get(part) for part in ("uid", "deletionTimestamp", "labels", "annotations", "ownerReferences")
        ]
        before, self._asked[key] = self._asked.get(key), hash(repr([*asked, body.get("spec")]))
        return before != self._asked[key]

    def dead(self) -> list[str]:
        """What no longer goes on, a sentence each: the process is to be restarted then."""
        if self._stopping:
            return []
        ended = sorted(name for name, task in self._tasks.items() if task.done())
        return [f"{name} ended unexpectedly" for name in ended] + self._pulse.stopped(len(self._queue))

    def unready(self) -> str | None:
        """What it still waits for; None when it is at work."""
        if self._stopping:
            return "it is stopping"
        unread = self._leadership.unread() if self._leadership is not None else None
        return self._waits_for or self._pulse.late() or unread

    def standby(self) -> str | None:
        """Who acts, where it is not this one; None where it is."""
        return None if self._leadership is None or self._leadership.leads else self._leadership.holder or "nobody"

    def _show(self) -> None:
        """Have the metrics that are states, and not counts, read when they are asked for."""
        self.metrics.depth.set_function(lambda: len(self._queue))
        self.metrics.oldest.set_function(self._queue.oldest)
        self.metrics.resync_age.set_function(self._pulse.age)
        self.metrics.leader.set_function(lambda: self._tasks != {} and self.standby() is None)
        for truth in ("True", "False", "Unknown"):
            count = partial(lambda truth: sum(ready == truth for ready in self._ready.values()), truth)
            self.metrics.resources.labels(truth).set_function(count)

    async def _run(self, call: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled():
                log.error("ended unexpectedly", task=name, exc_info=task.exception())

        self._tasks[name] = asyncio.create_task(work)
        self._tasks[name].add_done_callback(ended)

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            failed, settled, lasting, longest = True, True, False, LONGEST_SECONDS
            self._pulse.begin(key)
            self._unchanged.begin(key)
            try:
                work = asyncio.ensure_future(self._run(partial(self._reconcile, key)))
                try:
                    result = await asyncio.shield(work)
                except asyncio.CancelledError:
                    await asyncio.wait([work], timeout=_STOP_SECONDS)
                    self._left_at_work |= not work.done()
                    raise
                failed, settled, lasting = result.failure is not None, result.settled, result.lasting
                if isinstance(result.failure, Unavailable):
                    longest = _AWAY_SECONDS
                self._note(key, result)
            finally:
                self._pulse.end(key)
                self._unchanged.end(key, settled=lasting)
                failed, settled = failed and not self._stopping, settled or self._stopping
                again = self._queue.done(key, failed=failed, settled=settled, longest=longest)
            if again is not None:
                log.warning("try again", resource=str(key), after_seconds=round(again, 1), reason=str(result.failure))

    def _reconcile(self, key: Key) -> Result:
        """One reconcile, counted and logged. What goes wrong is part of the result: a worker never dies of it."""
        begun = time.monotonic()
        try:
            result = reconcile(self._cluster, self._checker, self.settings, key, datetime.now(UTC))
        except OperatorError as error:
            result = Result(failure=error)
        except Exception as error:  # a bug in the work on one resource must not stop the work on the others
            log.exception("reconcile crashed", resource=str(key))
            self.metrics.reconciles.labels("crashed").inc()
            return Result(failure=OperatorError(f"{type(error).__name__}: {error}"))
        finally:
            self.metrics.seconds.observe(time.monotonic() - begun)
        self._count(result)
        if result.untold is not None:
            log.warning("event not posted", namespace=key.namespace, name=key.name, reason=str(result.untold))
        if result.ready is not None and result.told:
            told = {name: result.ready[name] for name in ("reason", "message")}
            log.info("status", namespace=key.namespace, name=key.name, ready=result.ready["status"], **told)
        return result

    def _count(self, result: Result) -> None:
        self.metrics.reconciles.labels("failed" if result.failure else "done").inc()
        if result.failure is not None:
            self.metrics.failures.labels(type(result.failure).__name__).inc()
        self.metrics.status_writes.inc(result.told)
        self.metrics.events.inc(result.untold is not None)

    def _note(self, key: Key, result: Result) -> None:
        """In the event loop, where it is also counted."""
        if result.ready is not None:
            self._ready[key] = str(result.ready["status"])
        elif result.failure is None:
            self._ready.pop(key, None)

    async def _resync(self) -> None:
        """Look at every resource, now and then: it heals whatever an event was lost for."""
        while True:
            try:
                listing = await self._run(self._listing)
            except ApiError as error:
                self._pulse.resync(listed=False)
                self.metrics.resyncs.labels("failed").inc()
                log.warning("resync failed", reason=str(error))
                await asyncio.sleep(min(5.0, self.settings.resync_seconds))
                continue
            for key in self._unchanged.look(listing):
                self._queue.add(key)
            self._seen = {key: version for key, version in self._seen.items() if key in listing}
            self._ready = {key: truth for key, truth in self._ready.items() if key in listing}
            self._pulse.resync(listed=True)
            self.metrics.resyncs.labels("done").inc()
            self._waits_for = None
            await asyncio.sleep(self.settings.resync_seconds * self._chance.uniform(0.9, 1.1))

    def _listing(self) -> dict[Key, Versions]:
        listing: dict[Key, Versions] = {}
        for namespace in self.settings.watched or (None,):
            listing |= self._cluster.versions(namespace)
        return listing
