"""What has to be there before the operator works: what its role allows, and the definition. Called by ``controller``."""

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
    """Which of the rights that the operator cannot do without it has not, in a sentence; None when it has them all.

    Every verb is asked for: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access.
    What can be done without is a line in the log.
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


def missing_definition(cluster: Asks, settings: Settings) -> str | None:  # noqa: ARG001 - it is asked like the other
    """That the API server does not know the resource, in a sentence; None when it does.

    kopf finds out only when it starts, or when a definition changes, what there is to watch; and a new definition is told
    of before it is served.
    """
    try:
        served = cluster.serves_resources()
    except ApiError as error:
        return str(error)
    return (
        None if served else f"the API server does not know {names.PLURAL}.{names.GROUP}: apply its definition (crds/)"
    )


# In this order: who may not ask is told so first.
CHECKS: tuple[Callable[[Asks, Settings], str | None], ...] = (missing_rights, missing_definition)
