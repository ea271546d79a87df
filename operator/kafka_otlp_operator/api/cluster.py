"""The operator's calls to the Kubernetes API: reads, server-side applies, deletes.

Objects are plain mappings in the API's own form. Every failure is an ``ApiError`` with the server's own sentence.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kafka_otlp_operator import names
from kafka_otlp_operator.api.kube import Api, Object
from kafka_otlp_operator.errors import Forbidden, NotFound, SecretAccessDenied
from kafka_otlp_operator.objects.kinds import CHILDREN, EVENTS, LEASES, PODS, RESOURCE, REVIEWS, SOURCES, Kind
from kafka_otlp_operator.objects.ownership import belongs
from kafka_otlp_operator.objects.secrets_digest import Source
from kafka_otlp_operator.resource.metadata import Metadata


class Key(NamedTuple):
    """Namespace and name of a resource: the key of client-go's work queues."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """``telemetry/edge``."""
        return f"{self.namespace}/{self.name}"


_APPLY = {"fieldManager": names.OPERATOR, "force": "true"}
_NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = 500


class Cluster:
    """One API server; usable from several threads.

    It calls ``allow`` before each write, except writes of Leases; ``allow`` raises ApiError to forbid the write.
    """

    def __init__(self, api: Api, allow: Callable[[], None] = lambda: None) -> None:
        self._call = api.call
        self._allow = allow

    def serves_resources(self) -> bool:
        """Whether the API server serves the custom resource, by its own discovery. Raises ApiError."""
        return self._serves(RESOURCE)

    def serves(self, manifest: Object) -> bool:
        """Whether the API server serves the kind of this object; asks it each time. Raises ApiError."""
        kind = CHILDREN[manifest["kind"]]
        return not kind.optional or self._serves(kind)

    def _serves(self, kind: Kind) -> bool:
        try:
            found = self._call("GET", kind.root)
        except NotFound:
            return False
        return any(served["name"] == kind.plural for served in found["resources"])

    def versions(self, namespace: str | None) -> dict[Key, frozenset[str]]:
        """Every resource of a namespace, or of all with None, with its version and those of its objects.

        An object counts for the resource of its name, even if an earlier resource of that name owned it. Raises ApiError.
        """
        found: dict[Key, set[str]] = {}
        for item in self._metadata(RESOURCE, namespace, {}):
            found[_key(item)] = {_version(item)}
        for kind in CHILDREN.values():
            for item in self._metadata(kind, namespace, {"labelSelector": f"{names.MANAGED_BY}={names.OPERATOR}"}):
                if (key := _key(item)) in found:
                    found[key].add(_version(item))
        return {key: frozenset(versions) for key, versions in found.items()}

    def _metadata(self, kind: Kind, namespace: str | None, query: Mapping[str, str]) -> Iterator[Object]:
        position = ""
        while True:
            asked = {**query, "limit": str(_PAGE)} | ({"continue": position} if position else {})
            try:
                page = self._call("GET", kind.path(namespace), asked, accept=_NAMES_ONLY)
            except (NotFound, Forbidden):
                if kind.optional:
                    return
                raise
            yield from page["items"] or ()  # null while the API server is still loading a new definition
            position = page["metadata"].get("continue", "")
            if not position:
                return

    def resource(self, key: Key) -> Object:
        """One custom resource. Raises NotFound, ApiError."""
        return self._call("GET", RESOURCE.path(key.namespace, key.name))

    def named(self, owner: Metadata) -> dict[str, Object]:
        """The objects that have the resource's name, by kind, with any owner or none. Raises ApiError.

        All objects of a resource have its name, so this takes one GET for each kind.
        """
        found = {kind: self._child(api, owner.namespace, owner.name) for kind, api in CHILDREN.items()}
        return {kind: {**item, "kind": kind} for kind, item in found.items() if item is not None}

    def _child(self, kind: Kind, namespace: str, name: str) -> Object | None:
        try:
            return self._get(kind, namespace, name)
        except Forbidden:
            if kind.optional:  # without the right to read such objects the operator has made none
                return None
            raise

    def _get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        try:
            return self._call("GET", kind.path(namespace, name))
        except NotFound:
            return None

    def deployment(self, owner: Metadata) -> Object | None:
        """The resource's own Deployment; None when there is none, or when it belongs to another owner. Raises ApiError."""
        found = self._get(CHILDREN["Deployment"], owner.namespace, owner.name)
        return found if found is not None and belongs(found, owner) else None

    def values(self, namespace: str, sources: Iterable[Source]) -> dict[Source, bytes | None]:
        """The values of these keys of Secrets and ConfigMaps; None for a key that is missing. Raises ApiError.

        The values are not kept.
        """
        wanted = tuple(sources)
        objects = dict.fromkeys((one.kind, one.name) for one in wanted)
        found = {(kind, name): self._data(namespace, kind, name) for kind, name in objects}
        return {one: found[one.kind, one.name].get(one.key) for one in wanted}

    def _data(self, namespace: str, kind: str, name: str) -> Mapping[str, bytes]:
        try:
            item = self._get(SOURCES[kind], namespace, name) or {}
        except Forbidden as error:
            raise SecretAccessDenied(
                f"credentialReload Restart needs to read {kind} {name!r}, which the role of the operator does not allow: ask "
                "the platform's administrator to bind the role kafka-otlp-operator-secrets, or use Reload "
                f"({error})."
            ) from None
        texts, encoded = (item.get("data") or {}, item.get("binaryData") or {})
        if kind == "Secret":
            texts, encoded = {}, texts
        return {
            **{key: text.encode() for key, text in texts.items()},
            **{key: base64.b64decode(text) for key, text in encoded.items()},
        }

    def pods(self, owner: Metadata) -> Sequence[Object]:
        """The pods of a resource, from the API server's cache, so that it need not read etcd. Raises ApiError."""
        query = {"labelSelector": names.selector_text(owner.name), "resourceVersion": "0"}
        return self._call("GET", PODS.path(owner.namespace), query)["items"] or ()

    def apply(self, manifest: Object) -> Object:
        """Server-side apply; returns the object as the API server stores it. Raises ApiError.

        A repeated apply of the same manifest writes nothing.
        """
        metadata = manifest["metadata"]
        path = CHILDREN[manifest["kind"]].path(metadata["namespace"], metadata["name"])
        return self._write("PATCH", path, _APPLY, manifest)

    def let_go_of_replicas(self, deployment: Object) -> None:
        """Give the number of pods to another field manager, if the operator owns it.

        Otherwise the API server would reset the number to its default when the operator no longer applies it
        (https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership-between-managers).
        Raises Conflict when the number has changed since, ApiError.
        """
        metadata = deployment["metadata"]
        if not any(_applies_replicas(entry) for entry in metadata.get("managedFields") or ()):
            return
        kept = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {key: metadata[key] for key in ("name", "namespace", "uid")},
            "spec": {"replicas": deployment["spec"]["replicas"]},
        }
        path = CHILDREN["Deployment"].path(metadata["namespace"], metadata["name"])
        self._write("PATCH", path, {"fieldManager": names.SCALER}, kept)

    def delete(self, child: Object) -> None:
        """Delete an object that ``named`` returned, unless it has been replaced since. Raises ApiError."""
        metadata = child["metadata"]
        path = CHILDREN[child["kind"]].path(metadata["namespace"], metadata["name"])
        options = {"preconditions": {"uid": metadata["uid"]}, "propagationPolicy": "Background"}
        try:
            self._write("DELETE", path, {}, options)
        except NotFound:
            return

    def apply_status(self, resource: Metadata, status: Object) -> None:
        """Write the status of a resource. Raises NotFound, Conflict when another one has its name now, ApiError."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": resource.name, "namespace": resource.namespace, "uid": resource.uid},
            "status": status,
        }
        self._write("PATCH", RESOURCE.path(resource.namespace, resource.name) + "/status", _APPLY, body)

    def post(self, event: Object) -> None:
        """Create an Event. Raises ApiError."""
        self._write("POST", EVENTS.path(event["metadata"]["namespace"]), {"fieldManager": names.OPERATOR}, event)

    def lease(self, namespace: str, name: str) -> Object | None:
        """A Lease; None when there is none. Raises ApiError."""
        return self._get(LEASES, namespace, name)

    def write_lease(self, lease: Object) -> Object:
        """Create a Lease, or replace the version that was read; returns the stored Lease.

        Raises Conflict when the Lease has changed since it was read, ApiError.
        """
        metadata = lease["metadata"]
        query = {"fieldManager": names.OPERATOR}
        if "resourceVersion" in metadata:
            return self._call("PUT", LEASES.path(metadata["namespace"], metadata["name"]), query, lease)
        return self._call("POST", LEASES.path(metadata["namespace"]), query, lease)

    def may(self, attributes: Object) -> bool:
        """Whether the operator may do this: ``resourceAttributes`` of a SelfSubjectAccessReview. Raises ApiError."""
        review = {"apiVersion": f"{REVIEWS.group}/{REVIEWS.version}", "kind": "SelfSubjectAccessReview"}
        answer = self._call("POST", REVIEWS.path(None), body={**review, "spec": {"resourceAttributes": attributes}})
        return bool(answer["status"]["allowed"])

    def _write(self, method: str, path: str, query: Mapping[str, str], body: Object) -> dict[str, Any]:
        self._allow()
        return self._call(method, path, query, body)


def _applies_replicas(entry: Mapping[str, Any]) -> bool:
    ours = (entry["manager"], entry["operation"]) == (names.OPERATOR, "Apply")
    return ours and "f:replicas" in entry["fieldsV1"].get("f:spec", {})


def _key(item: Object) -> Key:
    return Key(item["metadata"]["namespace"], item["metadata"]["name"])


def _version(item: Object) -> str:
    return f"{item['metadata']['uid']} {item['metadata']['resourceVersion']}"
