"""One resource, brought to what it asks for: ``reconcile`` is the whole of it, and may be run at any time, any number of times.

Called by ``controller`` for every resource that may have changed. It remembers nothing: what it needs it reads from
the API server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from kafka_otlp_operator.api import exporter_status
from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.api.kube import Object
from kafka_otlp_operator.errors import (
    ApiError,
    NotFound,
    NotYet,
    OperatorError,
    RestartNotOffered,
    SpecInvalid,
    Unavailable,
)
from kafka_otlp_operator.objects import manifests, secrets_digest, template
from kafka_otlp_operator.objects.ownership import Manifest, is_ours, refuse_foreign
from kafka_otlp_operator.objects.secrets_digest import Source
from kafka_otlp_operator.resource.fields import CredentialReload
from kafka_otlp_operator.resource.spec import Resource, parse
from kafka_otlp_operator.settings import Settings
from kafka_otlp_operator.status import conditions, events
from kafka_otlp_operator.status.conditions import Finding, Findings


class Objects(Protocol):
    """The calls of ``cluster.Cluster`` that the operator makes about resources. Every method raises ApiError."""

    def may(self, attributes: Object) -> bool:
        """Whether the operator may do this: ``resourceAttributes`` of a SelfSubjectAccessReview."""

    def serves_resources(self) -> bool:
        """Whether the API server serves the custom resource."""

    def versions(self, namespace: str | None) -> dict[Key, frozenset[str]]:
        """Every resource of a namespace, or of all with None, and the versions of it and of its objects."""

    def resource(self, key: Key) -> Object:
        """One custom resource. Raises NotFound."""

    def serves(self, manifest: Object) -> bool:
        """Whether the API server serves the kind of this object."""

    def named(self, owner: Object) -> dict[str, Object]:
        """The objects that have the resource's name, by kind, whoever owns them."""

    def deployment(self, owner: Object) -> Object | None:
        """The resource's own Deployment; None when there is none."""

    def pods(self, owner: Object) -> Sequence[Object]:
        """The pods of a resource."""

    def values(self, namespace: str, sources: Iterable[Source]) -> dict[Source, bytes | None]:
        """The values of these keys of Secrets and ConfigMaps; None for a key that is missing."""

    def apply(self, manifest: Object) -> Object:
        """Server-side apply; returns the object as the API server stores it."""

    def let_go_of_replicas(self, deployment: Object) -> None:
        """Hand the number of pods over to another field manager. Raises Conflict when the number has changed."""

    def delete(self, child: Object) -> None:
        """Delete an object that ``named`` returned, unless it has been replaced since."""

    def apply_status(self, resource: Object, status: Object) -> None:
        """Write the status of a resource. Raises NotFound, and Conflict when the resource was replaced."""

    def post(self, event: Object) -> None:
        """Create an Event."""


class Checks(Protocol):
    """What ``check.Checker`` does."""

    def check(self, resource: Resource) -> str | None:
        """What is wrong with the resource's configuration; None when nothing is. Raises NotYet."""


@dataclass(frozen=True)
class Result:
    """What a reconcile came to.

    ``ready`` is the condition of that name, None when the resource is not there or goes; ``told`` is whether a status was
    written: there is not always something new to say.
    ``failure`` is what may go better at another try. Not ``settled``: the pods are not all there, and no event will
    tell of what becomes of them until they are. ``untold`` is why no Event could be posted of a new ``Ready``: nothing
    depends on it, and it is not tried again. ``lasting``: as long as neither the resource nor an object of its changes,
    another reconcile would find nothing to do.
    """

    ready: Mapping[str, Any] | None = None
    told: bool = False
    failure: OperatorError | None = None
    settled: bool = True
    untold: ApiError | None = None
    lasting: bool = False


def reconcile(cluster: Objects, checker: Checks, settings: Settings, key: Key, now: datetime) -> Result:
    """Bring the objects of one resource to what it asks for, and its status to what is.

    Raises ApiError when not even that could be written down in the status.
    """
    try:
        found = cluster.resource(key)
    except NotFound:
        return Result()
    if "deletionTimestamp" in found["metadata"]:
        return Result()  # the garbage collector is at work on the children, making them again would fight it
    findings, failure = _advance(cluster, checker, settings, found)
    settled = conditions.settled(findings.deployment)
    if not settled:
        pods = _pods(cluster, found)
        findings = replace(findings, pods=pods, reports=exporter_status.reports(pods))
    summary = conditions.summarize(found, findings, now)
    if not conditions.differs(found, summary):
        lasting = failure is None and settled and _lasts(findings, found)
        return Result(conditions.ready(summary), failure=failure, settled=settled, lasting=lasting)
    try:
        cluster.apply_status(found, summary)
    except NotFound:
        return Result()
    untold = _tell(cluster, found, conditions.ready(summary), now)
    return Result(conditions.ready(summary), told=True, failure=failure, settled=settled, untold=untold)


def _lasts(findings: Findings, found: Mapping[str, Any]) -> bool:
    """Not where it depends on something else: Secrets, kinds that may be installed, the mood of a check."""
    reload = found["spec"].get("credentialReload", CredentialReload.RELOAD.value)
    reads_secrets = reload != CredentialReload.RELOAD.value
    return findings.config == conditions.VALID and findings.applied == conditions.APPLIED and not reads_secrets


def _tell(cluster: Objects, found: Mapping[str, Any], ready: Mapping[str, Any], now: datetime) -> ApiError | None:
    event = events.transition(found, ready, now)
    try:
        if event is not None:
            cluster.post(event)
    except ApiError as error:
        return error
    return None


def _advance(
    cluster: Objects, checker: Checks, settings: Settings, found: Mapping[str, Any]
) -> tuple[Findings, OperatorError | None]:
    """Go as far as it goes; a configuration that is wrong, or not checked, leaves what runs alone."""
    try:
        resource = parse(found, settings.properties)
        wrong = checker.check(resource)
    except SpecInvalid as invalid:
        return _stopped(cluster, found, Finding("False", invalid.reason, str(invalid))), None
    except NotYet as unknown:
        return _stopped(cluster, found, Finding("Unknown", "NotChecked", str(unknown))), unknown
    if wrong is not None:
        return _stopped(cluster, found, Finding("False", "InvalidKafkaConfig", wrong)), None
    if resource.workload.paused:
        return _stopped(cluster, found, conditions.VALID), None
    try:
        applied, deployment = _apply(cluster, found, resource, settings)
    except ApiError as error:
        failed = Finding("False", error.reason, str(error))
        return Findings(conditions.VALID, failed, _deployment(cluster, found)), error
    return Findings(conditions.VALID, applied, deployment), None


def _stopped(cluster: Objects, found: Mapping[str, Any], config: Finding) -> Findings:
    paused = found["spec"].get("paused") is True
    return Findings(config, None, cluster.deployment(found), paused=paused)


def _deployment(cluster: Objects, found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    try:
        return cluster.deployment(found)
    except Unavailable:
        raise  # a Deployment that could not be read is not one without pods
    except ApiError:
        return None


def _pods(cluster: Objects, found: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    try:
        return cluster.pods(found)
    except ApiError:
        return ()  # perhaps an older role that does not allow it; the status then says less, and nothing else is missing


def _apply(
    cluster: Objects, found: Mapping[str, Any], resource: Resource, settings: Settings
) -> tuple[Finding, Mapping[str, Any] | None]:
    """Apply what is wanted, prune what is not; how that went, and the Deployment as it is afterwards."""
    wanted = manifests.desired(resource, settings.image, _credentials_hash(cluster, resource, settings))
    unserved = [manifest for manifest in wanted if not cluster.serves(manifest)]
    served = [manifest for manifest in wanted if manifest not in unserved]
    there = cluster.named(found)
    for manifest in served:
        if (item := there.get(manifest["kind"])) is not None:
            refuse_foreign(item, found)
    deployment = None
    for manifest in served:
        if manifest["kind"] == "Deployment":
            _let_go_of_replicas(cluster, there.get("Deployment"), manifest, manifests.replicas_at_first(resource))
            deployment = cluster.apply(manifest)
        else:
            cluster.apply(manifest)
    for kind in there.keys() - {manifest["kind"] for manifest in wanted}:
        if is_ours(there[kind], found):
            cluster.delete(there[kind])
    return conditions.applied(unserved), deployment


def _credentials_hash(cluster: Objects, resource: Resource, settings: Settings) -> str | None:
    """What the pods' template says of their Secrets; None where their change is the exporter's business."""
    if resource.workload.credential_reload is not CredentialReload.RESTART:
        return None
    try:
        secret = settings.restart_key
    except OperatorError as error:
        raise RestartNotOffered(
            f"spec.credentialReload: Restart is not offered by this operator just now: {error}"
        ) from None
    if secret is None:
        raise RestartNotOffered(
            "spec.credentialReload: Restart is not offered by this operator: have the platform's administrator set "
            "KAFKA_OTLP_OPERATOR_RESTART_KEY_FILE, or use Reload."
        )
    values = cluster.values(resource.namespace, template.mounted(resource))
    return secrets_digest.digest(secret, resource.namespace, resource.name, values)


def _let_go_of_replicas(cluster: Objects, there: Mapping[str, Any] | None, manifest: Manifest, at_first: int) -> None:
    """Where the number of pods is not ours to say, see to it that leaving it out changes nothing.

    A Deployment that is only just made needs a number to start from.
    """
    if "replicas" in manifest["spec"]:
        return
    if there is None:
        there = cluster.apply({**manifest, "spec": {"replicas": at_first, **manifest["spec"]}})
    cluster.let_go_of_replicas(there)
