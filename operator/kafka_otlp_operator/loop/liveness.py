"""Whether the operator still works: which reconciles have begun and not ended, and when all resources were last listed.

The kubelet restarts the process when ``/livez`` fails. An API server that is away for an hour must therefore not count as a
fault here: a resync that was tried counts, whether it succeeded or not.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

# One reconcile makes some 25 calls, after the start of the checker. Each call may take its whole timeout.
LONGEST_SECONDS = 600.0
# So many periods without a listing are late.
MISSED_RESYNCS = 3


class Liveness:
    """``period`` is the time between two resyncs in seconds, ``clock`` returns seconds."""

    def __init__(self, period: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._longest_silence = MISSED_RESYNCS * period + LONGEST_SECONDS
        self._late = MISSED_RESYNCS * period
        self._working: dict[Hashable, float] = {}
        self._ended = clock()
        self._tried: float | None = None
        self._listed: float | None = None

    def begin(self, key: Hashable) -> None:
        """A reconcile of the resource begins."""
        self._working[key] = self._clock()

    def end(self, key: Hashable) -> None:
        """The reconcile has ended, well or not."""
        self._working.pop(key, None)
        self._ended = self._clock()

    def resync(self, *, listed: bool) -> None:
        """The operator has asked for all resources; ``listed``: the API server has returned them."""
        self._tried = self._clock()
        if listed:
            self._listed = self._tried

    def age(self) -> float:
        """Seconds since all resources were listed; 0 before the first time."""
        return 0.0 if self._listed is None else self._clock() - self._listed

    def stopped(self, waiting: int) -> list[str]:
        """What has stopped, a sentence each. ``waiting`` is the number of resources in the queue."""
        now = self._clock()
        hung = [key for key, begun in self._working.items() if now - begun > LONGEST_SECONDS]
        found = [f"the work on {key} has taken more than {LONGEST_SECONDS:.0f} s" for key in hung]
        if waiting and not self._working and now - self._ended > LONGEST_SECONDS:
            found.append(f"{waiting} resources wait, and no work has begun for {LONGEST_SECONDS:.0f} s")
        if self._tried is not None and now - self._tried > self._longest_silence:
            found.append(f"no resync has been tried for {self._longest_silence:.0f} s")
        return found

    def late(self) -> str | None:
        """A sentence when the last listing of all resources is too old; None otherwise."""
        if self.age() <= self._late:
            return None
        return f"the resources could not be listed for {self.age():.0f} s"
