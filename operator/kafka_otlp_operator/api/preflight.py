"""Checks before the operator starts its work: the rights of its role, and the definition of the resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from kafka_otlp_operator import names
from kafka_otlp_operator.api import access
from kafka_otlp_operator.api.kube import Object
from kafka_otlp_operator.errors import ApiError
from kafka_otlp_operator.settings import Settings

log = structlog.stdlib.get_logger("kafka_otlp_operator")


class Asks(Protocol):
    """The calls of ``cluster.Cluster`` that the checks make. Both raise ApiError."""

    def may(self, attributes: Object) -> bool:
        """Whether the operator may do this: ``resourceAttributes`` of a SelfSubjectAccessReview."""

    def serves_resources(self) -> bool:
        """Whether the API server serves the custom resource."""


def missing_rights(cluster: Asks, settings: Settings) -> str | None:
    """A sentence with the needed rights that are missing; None when the operator has them all.

    It asks for every verb: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access.
    When only rights are missing that the operator can work without, it logs them. An error of the API server is the
    sentence.
    """
    asked = access.questions(settings.watched, settings.lease_namespace)
    try:
        denied = [question for question in asked if not cluster.may(question.attributes)]
    except ApiError as error:
        return str(error)
    if needed := [question for question in denied if question.right.needed]:
        return access.sentence(needed)
    if denied:
        log.warning("not allowed", reason=access.sentence(denied))
    return None


def missing_definition(cluster: Asks, settings: Settings) -> str | None:  # noqa: ARG001 - both checks are called alike
    """A sentence when the API server does not serve the custom resource; None when it does.

    kopf looks for kinds to watch only when it starts and when a definition changes, and the event of a new definition
    comes before the API server serves it.
    """
    try:
        served = cluster.serves_resources()
    except ApiError as error:
        return str(error)
    return (
        None if served else f"the API server does not serve {names.PLURAL}.{names.GROUP}: apply its definition (crds/)"
    )


# The rights come first: without them the other check would fail with a less helpful sentence.
CHECKS: tuple[Callable[[Asks, Settings], str | None], ...] = (missing_rights, missing_definition)
