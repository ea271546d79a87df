"""Candidates for one Lease, on an API server in memory and clocks that a test winds. mypy holds it to ``leadership.Leases``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from kafka_otlp_operator.errors import ApiError, Conflict
from kafka_otlp_operator.loop import leadership
from kafka_otlp_operator.loop.leadership import Leadership, Leases
from kafka_otlp_operator.loop.lease import Lease


class Server:
    """One Lease, ``stored``, which has another version after each write."""

    def __init__(self) -> None:
        self.stored: Lease | None = None
        self._writes = 0

    @property
    def version(self) -> str | None:
        """The resourceVersion; None when there is no Lease."""
        return None if self.stored is None else self.stored["metadata"]["resourceVersion"]

    @property
    def spec(self) -> Any:
        """What the Lease says. Raises AssertionError when there is no Lease."""
        assert self.stored is not None
        return self.stored["spec"]

    def store(self, lease: Lease) -> Lease:
        """Write the Lease, whatever version was read."""
        self._writes += 1
        self.stored = {**lease, "metadata": {**lease["metadata"], "resourceVersion": f"{self._writes}"}}
        return self.stored


class Connection:
    """One candidate's way to the server. ``meanwhile`` is called between the server's answer to a read and its arrival."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.broken = False
        self.reads = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def sever(self) -> None:
        """Let everything fail from now on."""
        self.broken = True

    def lease(self, namespace: str, name: str) -> Lease | None:
        self.reads += 1
        if self.broken:
            raise ApiError("no answer")
        found = self.server.stored
        self.meanwhile()
        return found

    def write_lease(self, lease: Lease) -> Lease:
        if self.broken:
            raise ApiError("no answer")
        if lease["metadata"].get("resourceVersion") != self.server.version:
            raise Conflict("another version")
        return self.server.store(lease)


_: Callable[[Server], Leases] = Connection


class Candidate(Leadership):
    """A candidate whose clock, ``now``, a test winds. ``ends`` has the sentence that it said when it lost the Lease."""

    def __init__(self, server: Server, identity: str) -> None:
        self.now = 0.0
        self.ends: list[str] = []
        self.connection = Connection(server)
        super().__init__(self.connection, "n", "l", identity, self.ends.append, lambda: self.now)

    async def tried(self) -> None:
        """Wait until one more try has begun and ended: by then the read after the next one has begun."""
        reads = self.connection.reads
        await soon(lambda: self.connection.reads >= reads + 2)


async def soon(true: Callable[[], object]) -> None:
    """Wait for a condition."""
    while not true():  # noqa: ASYNC110 - a thread makes it true
        await asyncio.sleep(0.002)


def live(scenario: Callable[[Server, Candidate, Candidate], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario with two candidates, whose tries follow one another at once."""

    async def run() -> None:
        server = Server()
        one, two = Candidate(server, "one"), Candidate(server, "two")
        await asyncio.wait_for(scenario(server, one, two), 10)
        await one.release()
        await two.release()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(leadership, "RETRY_SECONDS", 0.002)
        asyncio.run(run())
