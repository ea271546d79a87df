"""Whether the work goes on: what began and has not ended, and when all resources were last listed. Kept by ``controller``.

``/livez`` has the kubelet start the process anew, so nothing is wrong here that an API server which is away for an hour
could cause: a try counts, not its success.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

# One reconcile makes some 25 calls, each of which may take its whole time limit, after the start of the checker.
LONGEST_SECONDS = 600.0
# Of the time between two resyncs.
MISSED_RESYNCS = 3


class Pulse:
    """``period`` is the time between two resyncs, ``clock`` counts seconds."""

    def __init__(self, period: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._longest_silence = MISSED_RESYNCS * period + LONGEST_SECONDS
        self._late = MISSED_RESYNCS * period
        self._working: dict[Hashable, float] = {}
        self._moved = clock()
        self._tried: float | None = None
        self._listed: float | None = None

    def begin(self, key: Hashable) -> None:
        """Work on a resource begins."""
        self._working[key] = self._moved = self._clock()

    def end(self, key: Hashable) -> None:
        """It has ended, however."""
        self._working.pop(key, None)
        self._moved = self._clock()

    def resync(self, *, listed: bool) -> None:
        """All resources were asked for; ``listed``: the API server answered."""
        self._tried = self._clock()
        if listed:
            self._listed = self._tried

    def age(self) -> float:
        """Seconds since all resources were listed; 0 before the first time."""
        return 0.0 if self._listed is None else self._clock() - self._listed

    def stopped(self, waiting: int) -> list[str]:
        """What no longer goes on, a sentence each; ``waiting`` is how many resources wait for their turn."""
        now = self._clock()
        hung = [key for key, begun in self._working.items() if now - begun > LONGEST_SECONDS]
        found = [f"the work on {key} has taken more than {LONGEST_SECONDS:.0f} s" for key in hung]
        if waiting and not self._working and now - self._moved > LONGEST_SECONDS:
            found.append(f"{waiting} resources wait, and nothing was begun for {LONGEST_SECONDS:.0f} s")
        if self._tried is not None and now - self._tried > self._longest_silence:
            found.append(f"nothing was listed, or tried to be, for {self._longest_silence:.0f} s")
        return found

    def late(self) -> str | None:
        """That the API server has not let all resources be listed for long; None when it has."""
        if self.age() <= self._late:
            return None
        return f"the resources could not be listed for {self.age():.0f} s"
