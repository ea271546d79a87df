"""The life of one candidate for the Lease: it waits for the Lease, renews it, and gives it back.

It never trusts an answer for longer than ``lease.RENEW_SECONDS``, counted from the question. The Kubernetes client's own
leader election is not used: it blocks for as long as the API server is silent, reads the wall clock and cannot be
stopped. It would therefore neither end in time nor give the Lease back.
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
from kafka_otlp_operator.loop.lease import (
    DURATION_SECONDS,
    RENEW_SECONDS,
    RETRY_SECONDS,
    Lease,
    Seen,
    claim,
    first,
    holder,
    released,
    seen,
)

# The timeout of one call about the Lease. Several such calls fit into RENEW_SECONDS.
CALL_SECONDS = 3.0

Answer = TypeVar("Answer")

log = structlog.stdlib.get_logger("kafka_otlp_operator")


class Leases(Protocol):
    """The calls of ``cluster.Cluster`` about Leases. Each must end well before ``lease.RENEW_SECONDS`` have passed."""

    def lease(self, namespace: str, name: str) -> Lease | None:
        """A Lease; None when there is none. Raises ApiError."""

    def write_lease(self, lease: Lease) -> Lease:
        """Create the Lease, or replace the version that was read; returns what is stored. Raises Conflict, ApiError."""


class Leadership:
    """One candidate, ``identity``, for one Lease.

    ``lost`` is called with a sentence when the candidate has led and may no longer act. ``clock`` returns seconds, and must
    also count those in which the process was suspended.
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
        # A thread of its own, because all the others may be waiting for the API server.
        self._thread = ThreadPoolExecutor(1, "lease")
        self._seen: Seen | None = None
        self._lease: Lease | None = None
        self._until = float("-inf")
        self._read = clock()
        self.holder = ""

    @property
    def leads(self) -> bool:
        """Whether the candidate may act at this moment."""
        return self._clock() < self._until

    def allow(self) -> None:
        """Raises NotLeader when another candidate may have taken over. To be called before every write."""
        if not self.leads:
            raise NotLeader("the Lease was not renewed in time, so another operator may act; nothing more is written.")

    async def acquire(self) -> None:
        """Return when the candidate leads."""
        while not await self._try():  # noqa: ASYNC110 - only the API server knows when
            await asyncio.sleep(RETRY_SECONDS)
        log.info("leads", lease="/".join(self._where), identity=self._identity)

    async def keep(self) -> None:
        """Renew the Lease again and again; when that fails for too long, call ``lost`` and return."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            if not await self._try_in_time() and not (self.leads and self.holder == self._identity):
                break
        missed = self.holder == self._identity
        reason = "the API server was not reached in time" if missed else f"{self.holder or 'nobody'} holds it"
        self._until = float("-inf")
        self._lost(f"lost the Lease {'/'.join(self._where)}: {reason}; the process ends, to come back as a standby.")

    async def release(self, *, give_back: bool = True) -> None:
        """Stop acting, and give the Lease back if it is held, so that the next leader need not wait until it expires.

        With ``give_back=False`` the Lease stays and expires: a write may still be under way, and the next leader must not
        act before that write has arrived.
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
        """A sentence when the Lease has not been read for longer than it lasts; None otherwise."""
        silent = self._clock() - self._read
        return f"the Lease could not be read for {silent:.0f} s" if silent > DURATION_SECONDS else None

    def _give_back(self) -> None:
        if self._lease is not None:
            self._leases.write_lease(released(self._lease, datetime.now(UTC)))

    async def _try_in_time(self) -> bool:
        """Like ``_try``, but returns False when the call lasts longer than the candidate may act."""
        try:
            return await asyncio.wait_for(self._try(), max(self._until - self._clock(), CALL_SECONDS))
        except TimeoutError:
            return False

    async def _try(self) -> bool:
        """Claim or renew the Lease. It counts from the moment of the question, because the answer may have taken long."""
        asked = self._clock()
        try:
            held = await self._run(self._claim)
        except ApiError as error:
            log.warning("lease not renewed" if self.leads else "lease not read", reason=str(error))
            return False
        if held:
            self._until = asked + RENEW_SECONDS
        return held

    def _claim(self) -> bool:
        found = self._leases.lease(*self._where)
        # The answer is true now; it may not have been true when the question was sent.
        self._read = clock = self._clock()
        now = datetime.now(UTC)
        if found is None:
            claimed: Lease | None = first(*self._where, self._identity, now)
        else:
            self.holder = holder(found)
            self._seen = seen(found, self._seen, clock)
            claimed = claim(found, self._seen, self._identity, clock, now)
        if claimed is None:
            return False
        try:
            self._lease = self._leases.write_lease(claimed)
        except Conflict:
            self.holder = holder(self._leases.lease(*self._where) or {})
            return False
        self.holder = self._identity
        return True

    async def _run(self, call: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
