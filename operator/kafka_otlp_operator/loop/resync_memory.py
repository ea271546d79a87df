"""What the operator remembers of the cluster: which events and which listed resources ask for a reconcile.

It remembers versions and digests, never contents. After a start it remembers nothing, so that everything is reconciled once.
It may be used by one thread only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.reconcile import Result

# The version of the resource, and those of all objects that were made for it.
Versions = frozenset[str]

# The metadata by which an object asks for something. The API server sets the rest, some of it with every write.
_ASKING_METADATA = ("uid", "deletionTimestamp", "labels", "annotations", "ownerReferences")


class _ResourceVersion(NamedTuple):
    """The metadata that changes with the resource, but not with its status."""

    uid: str | None
    generation: int | None
    deleted: str | None


class Memory:
    """The resources and objects that events, listings and reconciles have shown."""

    def __init__(self) -> None:
        self._resources: dict[Key, _ResourceVersion] = {}
        self._objects: dict[tuple[Key, str], bytes] = {}
        self._listed: dict[Key, Versions] = {}
        self._working: dict[Key, Versions] = {}
        self._settled: dict[Key, Versions] = {}
        self._ready: dict[Key, str] = {}

    def resource_changed(self, key: Key, metadata: Mapping[str, Any]) -> bool:
        """Whether an event of a resource shows a new version of it. Most events only show the status that was just written.

        If those counted, a resource whose error has other words each time would be reconciled again and again, without a pause.
        """
        version = _ResourceVersion(metadata.get("uid"), metadata.get("generation"), metadata.get("deletionTimestamp"))
        before, self._resources[key] = self._resources.get(key), version
        return before != version

    def object_changed(self, key: Key, body: Mapping[str, Any], *, gone: bool) -> bool:
        """Whether an event of the resource's object shows more than a new status. ``gone``: the object was deleted.

        The status of an autoscaler, for instance, is written every 15 seconds for as long as the autoscaler exists.
        """
        place = (key, str(body["kind"]))
        if gone:
            self._objects.pop(place, None)
            return True
        before, self._objects[place] = self._objects.get(place), _digest(body)
        return before != self._objects[place]

    def to_reconcile(self, listing: Mapping[Key, Versions]) -> list[Key]:
        """The listed resources that a reconcile may have to do something for. Everything that is not listed is forgotten.

        A resource is left out when its last reconcile was ``lasting`` and no version of it or its objects has changed since.
        """
        self._settled = {key: versions for key, versions in self._settled.items() if listing.get(key) == versions}
        self._listed = {key: versions for key, versions in listing.items() if key not in self._settled}
        self._resources = {key: version for key, version in self._resources.items() if key in listing}
        self._objects = {place: digest for place, digest in self._objects.items() if place[0] in listing}
        self._ready = {key: status for key, status in self._ready.items() if key in listing}
        return list(self._listed)

    def begin(self, key: Key) -> None:
        """A reconcile begins. What it reads is at least as new as the last listing."""
        self._working.pop(key, None)
        if key in self._listed:
            self._working[key] = self._listed.pop(key)

    def end(self, key: Key, result: Result) -> None:
        """The reconcile has ended with this result."""
        versions = self._working.pop(key, None)
        if result.lasting and versions is not None:
            self._settled[key] = versions
        if result.ready is not None:
            self._ready[key] = str(result.ready["status"])
        elif result.failure is None:  # the resource does not exist any more
            self._ready.pop(key, None)

    def count(self, ready: str) -> int:
        """The number of resources whose condition Ready had this status (True, False, Unknown) after the last reconcile."""
        return sum(status == ready for status in self._ready.values())


def _digest(body: Mapping[str, Any]) -> bytes:
    """A digest of what an object asks for: its spec and ``_ASKING_METADATA``, as JSON with sorted keys."""
    asks = {"spec": body.get("spec"), **{name: body["metadata"].get(name) for name in _ASKING_METADATA}}
    return hashlib.blake2b(json.dumps(asks, sort_keys=True).encode(), digest_size=16).digest()
