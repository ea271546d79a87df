"""Which resources a resync need not look at: those of which nothing has changed since a reconcile found nothing to do.

Kept by ``controller``. It remembers versions and no contents: what it does not know is looked at, and so is everything
after a start.
"""

from __future__ import annotations

from collections.abc import Mapping

from kafka_otlp_operator.api.cluster import Key

# The version of the resource, and those of all objects that were made for it.
Versions = frozenset[str]


class Unchanged:
    """What was listed, and which of it was looked at since."""

    def __init__(self) -> None:
        self._listed: dict[Key, Versions] = {}
        self._working: dict[Key, Versions] = {}
        self._settled: dict[Key, Versions] = {}

    def look(self, listing: Mapping[Key, Versions]) -> list[Key]:
        """The resources of a listing that are to be reconciled."""
        self._settled = {key: versions for key, versions in self._settled.items() if listing.get(key) == versions}
        self._listed = {key: versions for key, versions in listing.items() if key not in self._settled}
        return list(self._listed)

    def begin(self, key: Key) -> None:
        """A reconcile begins: what it reads is not older than what was listed."""
        self._working.pop(key, None)
        if key in self._listed:
            self._working[key] = self._listed.pop(key)

    def end(self, key: Key, *, settled: bool) -> None:
        """It has ended; ``settled``: nothing but a change of these objects could bring it to do anything at all."""
        versions = self._working.pop(key, None)
        if settled and versions is not None:
            self._settled[key] = versions
