"""A cluster in memory, for tests of what the operator does with one. mypy holds it to ``reconcile.Objects``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.api.kube import Object
from kafka_otlp_operator.errors import ApiError, Forbidden, NotFound
from kafka_otlp_operator.objects.ownership import belongs
from kafka_otlp_operator.objects.secrets_digest import Source
from kafka_otlp_operator.reconcile import Objects
from kafka_otlp_operator.resource.metadata import Metadata
from kafka_otlp_operator.status import conditions


class FakeCluster:
    """One namespace with at most one resource, ``stored``, and its ``objects`` by kind.

    ``calls`` lists the writes in order, ``told`` the type and reason of each Event. The other attributes say how the
    API server answers; where one holds an exception, the call raises it.
    """

    def __init__(self, stored: Object | None = None) -> None:
        self.stored = stored
        self.objects: dict[str, Object] = {}
        self.calls: list[tuple[str, str]] = []
        self.told: list[tuple[str, str]] = []
        # Answers of a start, one a call; after the last one every right is there and the definition is served.
        self.rights: Iterator[bool | Exception] = iter(())
        self.definition: Iterator[bool | Exception] = iter(())
        self.forbids: Callable[[Object], bool] = lambda attributes: False
        self.listed: Iterable[Key] | Exception = ()
        self.unserved: set[str] = set()
        self.seen_pods: Sequence[Object] | Exception = AssertionError("nobody needs to look at pods")
        self.secrets: dict[Source, bytes] = {}
        self.refuses_apply: ApiError | None = None
        self.forbids_events = False

    def may(self, attributes: Object) -> bool:
        return _answer(next(self.rights, True)) and not self.forbids(attributes)

    def serves_resources(self) -> bool:
        return _answer(next(self.definition, True))

    def versions(self, namespace: str | None) -> dict[Key, frozenset[str]]:
        if isinstance(self.listed, Exception):
            raise self.listed
        return {key: frozenset({"1"}) for key in self.listed if namespace in (None, key.namespace)}

    def resource(self, key: Key) -> Object:
        if self.stored is None:
            raise NotFound(f"{key} is gone")
        return self.stored

    def serves(self, manifest: Object) -> bool:
        return manifest["kind"] not in self.unserved

    def named(self, owner: Metadata) -> dict[str, Object]:
        return dict(self.objects)

    def deployment(self, owner: Metadata) -> Object | None:
        found = self.objects.get("Deployment")
        return found if found is not None and belongs(found, owner) else None

    def pods(self, owner: Metadata) -> Sequence[Object]:
        if isinstance(self.seen_pods, Exception):
            raise self.seen_pods
        return self.seen_pods

    def values(self, namespace: str, sources: Iterable[Source]) -> dict[Source, bytes | None]:
        return {source: self.secrets.get(source) for source in sources}

    def apply(self, manifest: Object) -> Object:
        if self.refuses_apply is not None:
            raise self.refuses_apply
        self.calls.append(("apply", manifest["kind"]))
        self.objects[manifest["kind"]] = manifest
        return manifest

    def let_go_of_replicas(self, deployment: Object) -> None:
        self.calls.append(("let go", str(deployment["spec"]["replicas"])))

    def delete(self, child: Object) -> None:
        self.calls.append(("delete", child["kind"]))
        del self.objects[child["kind"]]

    def apply_status(self, resource: Metadata, status: Object) -> None:
        self.calls.append(("status", conditions.ready(status)["reason"]))
        self.stored = {**self.resource(Key(resource.namespace, resource.name)), "status": status}

    def post(self, event: Object) -> None:
        if self.forbids_events:
            raise Forbidden("events are forbidden")
        self.told.append((event["type"], event["reason"]))


def _answer(answer: bool | Exception) -> bool:
    if isinstance(answer, Exception):
        raise answer
    return answer


# mypy reports here when the class no longer has every method of the Protocol.
_: Callable[[], Objects] = FakeCluster
