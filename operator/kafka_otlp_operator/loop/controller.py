"""The life of the operator between start and stop: the queue, its workers, the resync, and what the probes ask.

It decides nothing about a resource: that is the reconcile's part.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from kafka_otlp_operator import names
from kafka_otlp_operator.api import preflight
from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import ApiError, Unavailable
from kafka_otlp_operator.loop.attempt import attempt
from kafka_otlp_operator.loop.leadership import Leadership
from kafka_otlp_operator.loop.liveness import Liveness
from kafka_otlp_operator.loop.metrics import Metrics
from kafka_otlp_operator.loop.queue import LONGEST_SECONDS, WorkQueue
from kafka_otlp_operator.loop.resync_memory import Memory, Versions
from kafka_otlp_operator.objects.kinds import CHILDREN
from kafka_otlp_operator.reconcile import Checks, Objects, Result, reconcile
from kafka_otlp_operator.settings import Settings

_STOP_SECONDS = 10.0
# While the API server is away every try fails. The wait stays short, so that the operator soon notices when it is back.
_AWAY_SECONDS = 8.0
_NOT_YET_SECONDS = 2.0
# After a resync that failed.
_RELIST_SECONDS = 5.0

Answer = TypeVar("Answer")

log = structlog.stdlib.get_logger("kafka_otlp_operator")


class ClosableChecks(Checks, Protocol):
    """The calls of ``check.Checker``."""

    def close(self) -> None:
        """End the process that checks."""


class Controller:
    """Reconciles the resources that ``notice`` and the resync put into its queue; with a ``leadership``, while it leads."""

    def __init__(
        self,
        cluster: Objects,
        checker: ClosableChecks,
        settings: Settings,
        metrics: Metrics,
        leadership: Leadership | None = None,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._cluster = cluster
        self._checker = checker
        self._leadership = leadership
        # asyncio's own pool has too few threads where there are few CPUs: these threads wait rather than work.
        self._threads = ThreadPoolExecutor(settings.workers + 1, "api")
        self._chance = random.Random()  # noqa: S311
        self._queue: WorkQueue[Key] = WorkQueue(self._chance)
        self._memory = Memory()
        self._liveness = Liveness(settings.resync_seconds, time.monotonic)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waits_for: str | None = "the API server has not been asked yet"
        self._stopping = False
        self._left_at_work = False
        self._show()

    async def start(self) -> None:
        """Start the workers and the resync in the running event loop, once nothing is missing and this process leads."""
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
        """Begin no more work, and wait up to ten seconds for the work under way."""
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
        """Take an event of a resource, or of an object that the operator made for one; ``gone``: it was deleted."""
        # An object has its resource's name. Its owner reference tells less: somebody may have removed it.
        key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
        if body["kind"] == names.KIND:
            if self._memory.resource_changed(key, body["metadata"]):
                self._queue.add(key, new=True)
        elif not CHILDREN[body["kind"]].busy or self._memory.object_changed(key, body, gone=gone):
            self._queue.add(key)

    def dead(self) -> list[str]:
        """What has stopped, a sentence each; the process must then be restarted."""
        if self._stopping:
            return []
        ended = sorted(name for name, task in self._tasks.items() if task.done())
        return [f"{name} ended unexpectedly" for name in ended] + self._liveness.stopped(len(self._queue))

    def unready(self) -> str | None:
        """What the operator still waits for; None when it is at work."""
        if self._stopping:
            return "the operator is stopping"
        unread = self._leadership.unread() if self._leadership is not None else None
        return self._waits_for or self._liveness.late() or unread

    def standby(self) -> str | None:
        """The identity of the leader when it is another process; None when this one leads."""
        return None if self._leadership is None or self._leadership.leads else self._leadership.holder or "nobody"

    def _show(self) -> None:
        """Let the metrics that are states, and not counts, be computed when they are scraped."""
        self.metrics.depth.set_function(lambda: len(self._queue))
        self.metrics.oldest.set_function(self._queue.oldest)
        self.metrics.resync_age.set_function(self._liveness.age)
        self.metrics.leader.set_function(lambda: self._tasks != {} and self.standby() is None)
        for status in ("True", "False", "Unknown"):
            self.metrics.resources.labels(status).set_function(partial(self._memory.count, status))

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
            self._liveness.begin(key)
            self._memory.begin(key)
            try:
                result = await self._to_the_end(partial(attempt, partial(self._reconcile, key), key, self.metrics))
            finally:
                self._liveness.end(key)
            self._memory.end(key, result)
            longest = _AWAY_SECONDS if isinstance(result.failure, Unavailable) else LONGEST_SECONDS
            failed = result.failure is not None
            again = self._queue.done(key, failed=failed, settled=result.settled, longest=longest)
            if again is not None:
                log.warning("try again", resource=str(key), after_seconds=round(again, 1), reason=str(result.failure))

    def _reconcile(self, key: Key) -> Result:
        return reconcile(self._cluster, self._checker, self.settings, key, datetime.now(UTC))

    async def _to_the_end(self, call: Callable[[], Answer]) -> Answer:
        """Run a call that may write. A stop waits for it, and notes when it has not ended in time."""
        work = asyncio.ensure_future(self._run(call))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work], timeout=_STOP_SECONDS)
            self._left_at_work |= not work.done()
            raise

    async def _resync(self) -> None:
        """List all resources periodically and reconcile those that may need it. This recovers from lost events."""
        while True:
            try:
                listing = await self._run(self._listing)
            except ApiError as error:
                self._liveness.resync(listed=False)
                self.metrics.resyncs.labels("failed").inc()
                log.warning("resync failed", reason=str(error))
                await asyncio.sleep(min(_RELIST_SECONDS, self.settings.resync_seconds))
                continue
            for key in self._memory.to_reconcile(listing):
                self._queue.add(key)
            self._liveness.resync(listed=True)
            self.metrics.resyncs.labels("done").inc()
            self._waits_for = None
            await asyncio.sleep(self.settings.resync_seconds * self._chance.uniform(0.9, 1.1))

    def _listing(self) -> dict[Key, Versions]:
        listing: dict[Key, Versions] = {}
        for namespace in self.settings.watched or (None,):
            listing |= self._cluster.versions(namespace)
        return listing
