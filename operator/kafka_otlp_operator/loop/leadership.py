"""The life of a candidate: waits for the Lease, renews it, and gives it back. Started and stopped by ``controller``.

The Kubernetes client has an election of its own. It blocks for as long as the API server is silent, reads the wall clock
and cannot be stopped, so that it neither ends in time nor gives the Lease back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import structlog

from kafka_otlp_operator.errors import ApiError, Conflict, NotLeader
from kafka_otlp_operator.loop import lease as rules
from kafka_otlp_operator.loop.lease import Lease, Seen

# Of one call about the Lease: several fit between two renewals that have to be.
CALL_SECONDS = 3.0

Answer = TypeVar("Answer")

log = structlog.stdlib.get_logger("kafka_otlp_operator")


class Leases(Protocol):
    """What of ``cluster.Cluster`` is needed here. Its calls have to end well before ``lease.RENEW_SECONDS``."""

    def lease(self, namespace: str, name: str) -> Lease | None:
        """A Lease; None when there is none. Raises ApiError."""

    def write_lease(self, lease: Lease) -> Lease:
        """Create it, or replace the version that was read; as it is then. Raises Conflict, ApiError."""


class Leadership:
    """One candidate, ``identity``, for one Lease. ``lost`` is called when it may no longer act, with a sentence.

    ``clock`` counts seconds, also those in which the process did not run.
    """

    def __init__(
        self,
        leases: Leases,
        namespace: str,
        name: str,
        identity: str,
        lost: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leases = leases
        self._where = (namespace, name)
        self._identity = identity
        self._lost = lost
        self._clock = clock
        # Threads of its own: all others may be waiting for the API server.
        self._thread = ThreadPoolExecutor(1, "lease")
        self._seen: Seen | None = None
        self._lease: Lease | None = None
        self._until = float("-inf")
        self._read = clock()
        self.holder = ""

    @property
    def leads(self) -> bool:
        """Whether it may act at this very moment."""
        return self._clock() < self._until

    def allow(self) -> None:
        """Called before every write. Raises NotLeader when another may have taken over."""
        if not self.leads:
            raise NotLeader("the Lease was not renewed in time, so another operator may act; nothing more is written.")

    async def acquire(self) -> None:
        """Wait until it leads."""
        while not await self._try():  # noqa: ASYNC110 - only the API server knows when
            await asyncio.sleep(rules.RETRY_SECONDS)
        log.info("leads", lease="/".join(self._where), identity=self._identity)

    async def keep(self) -> None:
        """Renew it for as long as that works; calls ``lost`` and returns when it does not."""
        while True:
            await asyncio.sleep(rules.RETRY_SECONDS)
            if not await self._try_in_time() and not (self.leads and self.holder == self._identity):
                break
        other = f"{self.holder} holds it" if self.holder != self._identity else "the API server was not reached in time"
        self._until = float("-inf")
        self._lost(f"lost the Lease {'/'.join(self._where)}: {other}; the process ends, to come back as a standby.")

    async def release(self, *, give_back: bool = True) -> None:
        """Give it back, if it is held, so that nobody has to wait until it runs out.

        Not where a write may still be under way: the next one is not to act before it has arrived.
        """
        leads = self.leads
        self._until = float("-inf")
        if leads and give_back:
            try:
                await self._run(self._give_back)
            except ApiError as error:
                log.warning("lease not given back", reason=str(error))
        self._thread.shutdown(wait=False)

    def unread(self) -> str | None:
        """That the Lease has not been read for longer than it lasts; None when it has."""
        silent = self._clock() - self._read
        return f"the Lease could not be read for {silent:.0f} s" if silent > rules.DURATION_SECONDS else None

    def _give_back(self) -> None:
        if self._lease is not None:
            self._leases.write_lease(rules.released(self._lease, datetime.now(UTC)))

    async def _try_in_time(self) -> bool:
        """No longer than it may act, whatever becomes of the call: another one may take over soon after that."""
        try:
            return await asyncio.wait_for(self._try(), max(self._until - self._clock(), CALL_SECONDS))
        except TimeoutError:
            return False

    async def _try(self) -> bool:
        """Claim it, or renew it. It is held from the moment at which it was asked for: the answer may have taken long."""
        asked = self._clock()
        try:
            held = await self._run(self._claim)
        except ApiError as error:
            log.warning("lease not renewed" if self.leads else "lease not read", reason=str(error))
            return False
        if held:
            self._until = asked + rules.RENEW_SECONDS
        return held

    def _claim(self) -> bool:
        found = self._leases.lease(*self._where)
        # What was read is so now; it may not have been so when it was asked for.
        self._read = clock = self._clock()
        now = datetime.now(UTC)
        if found is None:
            claimed: Lease | None = rules.first(*self._where, self._identity, now)
        else:
            self.holder = rules.holder(found)
            self._seen = rules.seen(found, self._seen, clock)
            claimed = rules.claim(found, self._seen, self._identity, clock, now)
        if claimed is None:
            return False
        try:
            self._lease = self._leases.write_lease(claimed)
        except Conflict:
            self.holder = rules.holder(self._leases.lease(*self._where) or {})
            return False
        self.holder = self._identity
        return True

    async def _run(self, call: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
