"""Brings one resource to the state that it asks for. ``reconcile`` may run at any time, any number of times.

It remembers nothing: it reads everything that it needs from the API server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from kafka_otlp_operator.api import exporter_status
from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.api.kube import Object
from kafka_otlp_operator.api.preflight import Asks
from kafka_otlp_operator.errors import (
    ApiError,
    NotFound,
    NotYet,
    OperatorError,
    RestartNotOffered,
    Unavailable,
)
from kafka_otlp_operator.objects import manifests, secrets_digest, template
from kafka_otlp_operator.objects.ownership import Manifest, is_ours, refuse_foreign
from kafka_otlp_operator.objects.secrets_digest import Source
from kafka_otlp_operator.resource.fields import CredentialReload
from kafka_otlp_operator.resource.metadata import Metadata
from kafka_otlp_operator.resource.reading import Reading, Unreadable, read
from kafka_otlp_operator.resource.spec import Resource
from kafka_otlp_operator.settings import Settings
from kafka_otlp_operator.status import conditions, events
from kafka_otlp_operator.status.conditions import Finding, Findings


class Objects(Asks, Protocol):
    """The calls of ``cluster.Cluster`` that the operator makes about resources. Every method raises ApiError."""

    def versions(self, namespace: str | None) -> dict[Key, frozenset[str]]:
        """Every resource of a namespace, or of all with None, and the versions of it and of its objects."""

    def resource(self, key: Key) -> Object:
        """One custom resource. Raises NotFound."""

    def serves(self, manifest: Object) -> bool:
        """Whether the API server serves the kind of this object."""

    def named(self, owner: Metadata) -> dict[str, Object]:
        """The objects that have the resource's name, by kind, with any owner or none."""

    def deployment(self, owner: Metadata) -> Object | None:
        """The resource's own Deployment; None when there is none."""

    def pods(self, owner: Metadata) -> Sequence[Object]:
        """The pods of a resource."""

    def values(self, namespace: str, sources: Iterable[Source]) -> dict[Source, bytes | None]:
        """The values of these keys of Secrets and ConfigMaps; None for a key that is missing."""

    def apply(self, manifest: Object) -> Object:
        """Server-side apply; returns the object as the API server stores it."""

    def let_go_of_replicas(self, deployment: Object) -> None:
        """Hand the number of pods over to another field manager. Raises Conflict when the number has changed."""

    def delete(self, child: Object) -> None:
        """Delete an object that ``named`` returned, unless it has been replaced since."""

    def apply_status(self, resource: Metadata, status: Object) -> None:
        """Write the status of a resource. Raises NotFound, and Conflict when the resource was replaced."""

    def post(self, event: Object) -> None:
        """Create an Event."""


class Checks(Protocol):
    """The call of ``check.Checker`` that a reconcile makes."""

    def check(self, resource: Resource) -> str | None:
        """What is wrong with the resource's configuration, as a sentence; None when nothing is. Raises NotYet."""


@dataclass(frozen=True)
class Result:
    """The outcome of a reconcile.

    ``ready`` is the condition of that name, None when the resource does not exist or is being deleted.
    ``told`` is whether a status was written; an unchanged status is not.
    ``failure`` is an error that may not come again at another try.
    ``settled`` is false while pods are missing: no event comes for what happens to them, so look again.
    ``untold`` is why the Event about a new ``Ready`` could not be posted. Nothing depends on it; do not try again.
    ``lasting`` is whether another reconcile would find nothing to do until the resource or one of its objects changes.
    """

    ready: Mapping[str, Any] | None = None
    told: bool = False
    failure: OperatorError | None = None
    settled: bool = True
    untold: ApiError | None = None
    lasting: bool = False


def reconcile(cluster: Objects, checker: Checks, settings: Settings, key: Key, now: datetime) -> Result:
    """Make the objects of one resource as it asks for, and write its status.

    ``cluster`` and ``checker`` answer and write, ``settings`` are the operator's own, ``key`` names the resource, and
    ``now`` is the time of conditions that change and of the Event. Raises ApiError when not even the status could be
    written.
    """
    try:
        stored = cluster.resource(key)
    except NotFound:
        return Result()
    if "deletionTimestamp" in stored["metadata"]:
        return Result()  # the garbage collector deletes the children; making them again would fight it
    resource, before = read(stored, settings.properties), stored.get("status") or {}
    findings, failure = _advance(cluster, checker, settings, resource)
    settled = conditions.settled(findings.deployment)
    if not settled:
        pods = _pods(cluster, resource)
        findings = replace(findings, pods=pods, reports=exporter_status.reports(pods))
    status = conditions.summarize(resource, before, findings, now)
    ready = conditions.ready(status)
    if not conditions.differs(before, status):
        lasting = failure is None and settled and _lasts(findings, resource)
        return Result(ready, failure=failure, settled=settled, lasting=lasting)
    try:
        cluster.apply_status(resource, status)
    except NotFound:
        return Result()
    untold = _tell(cluster, events.transition(resource, before, ready, now))
    return Result(ready, told=True, failure=failure, settled=settled, untold=untold)


def _lasts(findings: Findings, resource: Reading) -> bool:
    """Whether the outcome depends on the resource and its objects alone: not on Secrets, a missing kind or a failed check."""
    reads_secrets = resource.workload.credential_reload is not CredentialReload.RELOAD
    return findings.config == conditions.VALID and findings.applied == conditions.APPLIED and not reads_secrets


def _tell(cluster: Objects, event: Object | None) -> ApiError | None:
    try:
        if event is not None:
            cluster.post(event)
    except ApiError as error:
        return error
    return None


def _advance(
    cluster: Objects, checker: Checks, settings: Settings, resource: Reading
) -> tuple[Findings, OperatorError | None]:
    """Take one step after the other until one fails. An invalid or unchecked configuration leaves the pods alone."""
    if isinstance(resource, Unreadable):
        return _stopped(cluster, resource, Finding("False", resource.invalid.reason, str(resource.invalid))), None
    try:
        wrong = checker.check(resource)
    except NotYet as unknown:
        return _stopped(cluster, resource, Finding("Unknown", "NotChecked", str(unknown))), unknown
    if wrong is not None:
        return _stopped(cluster, resource, Finding("False", "InvalidKafkaConfig", wrong)), None
    if resource.workload.paused:
        return _stopped(cluster, resource, conditions.VALID), None
    try:
        applied, deployment = _apply(cluster, resource, settings)
    except ApiError as error:
        failed = Finding("False", error.reason, str(error))
        return Findings(conditions.VALID, failed, _deployment(cluster, resource)), error
    return Findings(conditions.VALID, applied, deployment), None


def _stopped(cluster: Objects, resource: Reading, config: Finding) -> Findings:
    return Findings(config, None, cluster.deployment(resource))


def _deployment(cluster: Objects, resource: Resource) -> Object | None:
    try:
        return cluster.deployment(resource)
    except Unavailable:
        raise  # a Deployment that could not be read is not one without pods
    except ApiError:
        return None


def _pods(cluster: Objects, resource: Reading) -> Sequence[Object]:
    try:
        return cluster.pods(resource)
    except ApiError:
        return ()  # an older role may not allow it; then only the status says less


def _apply(cluster: Objects, resource: Resource, settings: Settings) -> tuple[Finding, Object]:
    """Apply the wanted objects and prune the others; returns how that went, and the Deployment as it is afterwards."""
    desired = manifests.desired(resource, settings.image, _credentials_hash(cluster, resource, settings))
    unserved = [manifest for manifest in desired if not cluster.serves(manifest)]
    there = cluster.named(resource)
    for manifest in desired:
        if manifest not in unserved and (item := there.get(manifest["kind"])) is not None:
            refuse_foreign(item, resource)
    for manifest in desired.before:
        cluster.apply(manifest)
    if "replicas" not in desired.deployment["spec"]:
        at_first = manifests.replicas_at_first(resource)
        _hand_over_replicas(cluster, there.get("Deployment"), desired.deployment, at_first)
    deployment = cluster.apply(desired.deployment)
    for manifest in desired.after:
        if manifest not in unserved:
            cluster.apply(manifest)
    for kind in there.keys() - {manifest["kind"] for manifest in desired}:
        if is_ours(there[kind], resource):
            cluster.delete(there[kind])
    return conditions.applied(unserved), deployment


def _credentials_hash(cluster: Objects, resource: Resource, settings: Settings) -> str | None:
    """The digest of the Secrets that the pods mount; None where a changed Secret restarts no pod."""
    if resource.workload.credential_reload is not CredentialReload.RESTART:
        return None
    try:
        secret = settings.restart_key
    except OperatorError as error:
        raise RestartNotOffered(
            f"spec.credentialReload: this operator cannot offer Restart at the moment: {error}"
        ) from None
    if secret is None:
        raise RestartNotOffered(
            "spec.credentialReload: this operator does not offer Restart: ask the platform's administrator to set "
            "KAFKA_OTLP_OPERATOR_RESTART_KEY_FILE, or use Reload."
        )
    values = cluster.values(resource.namespace, template.mounted(resource))
    return secrets_digest.digest(secret, resource.namespace, resource.name, values)


def _hand_over_replicas(cluster: Objects, there: Object | None, manifest: Manifest, at_first: int) -> None:
    """Let another field manager keep the number of pods, before the operator applies a manifest without a number.

    Without this the API server would reset the number to 1. A Deployment that does not exist yet is first made with
    the number ``at_first``.
    """
    if there is None:
        there = cluster.apply({**manifest, "spec": {"replicas": at_first, **manifest["spec"]}})
    cluster.let_go_of_replicas(there)
