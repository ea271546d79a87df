"""The rights that the operator needs, as one table, and the questions that ask the API server for them. Pure.

https://kubernetes.io/docs/reference/access-authn-authz/authorization/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka_otlp_operator import names
from kafka_otlp_operator.objects.kinds import CHILDREN, EVENTS, LEASES, PODS, RESOURCE, Kind

_WATCH = ("get", "list", "watch")
_OWN = (*_WATCH, "create", "patch", "delete")
_DEFINITIONS = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions")


@dataclass(frozen=True)
class Right:
    """Verbs on one kind of the API, or on a subresource of it.

    When ``needed`` is false the operator works without the right, and only does less.
    """

    kind: Kind
    verbs: tuple[str, ...]
    subresource: str = ""
    needed: bool = True


# In every namespace that the operator works in.
RIGHTS: tuple[Right, ...] = (
    Right(RESOURCE, _WATCH),
    Right(RESOURCE, ("patch",), "status"),
    # OpenShift enforces a right for owner references with blockOwnerDeletion.
    Right(RESOURCE, ("update",), "finalizers", needed=False),
    *(Right(kind, _OWN, needed=not kind.optional) for kind in CHILDREN.values()),
    Right(PODS, ("list",), needed=False),
    Right(EVENTS, ("create",), needed=False),
)
# In the whole cluster, when the operator watches all namespaces: kopf then notices definitions that are installed later.
RIGHTS_OF_THE_CLUSTER: tuple[Right, ...] = (Right(_DEFINITIONS, _WATCH, needed=False),)
# In the namespace of the Lease, when several replicas elect a leader.
RIGHTS_OF_A_CANDIDATE: tuple[Right, ...] = (Right(LEASES, ("get", "create", "update")),)


@dataclass(frozen=True)
class Question:
    """Whether one verb on one kind is allowed, in a namespace or, with None, in all of them."""

    right: Right
    verb: str
    namespace: str | None

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The ``resourceAttributes`` of a SelfSubjectAccessReview."""
        kind = self.right.kind
        place = {"namespace": self.namespace} if self.namespace else {}
        below = {"subresource": self.right.subresource} if self.right.subresource else {}
        return {
            "verb": self.verb,
            "group": kind.group,
            "version": kind.version,
            "resource": kind.plural,
            **place,
            **below,
        }

    def __str__(self) -> str:
        """As kubectl writes it: ``patch deployments.apps``."""
        kind = self.right.kind
        asked = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
        return f"{self.verb} {asked}" + (f"/{self.right.subresource}" if self.right.subresource else "")


def questions(namespaces: Sequence[str], lease_namespace: str) -> tuple[Question, ...]:
    """All questions for an operator that watches ``namespaces``, or every namespace when there is none.

    ``lease_namespace`` is the namespace of its Lease, empty without leader election.
    """
    places: Sequence[str | None] = namespaces or (None,)
    asked: list[tuple[Right, str | None]] = [(right, place) for place in places for right in RIGHTS]
    if not namespaces:
        asked += [(right, None) for right in RIGHTS_OF_THE_CLUSTER]
    if lease_namespace:
        asked += [(right, lease_namespace) for right in RIGHTS_OF_A_CANDIDATE]
    return tuple(Question(right, verb, place) for right, place in asked for verb in right.verbs)


def sentence(denied: Iterable[Question]) -> str:
    """The rights that are missing, in one sentence for the person who installed the operator."""
    by_place: dict[str | None, list[str]] = {}
    for question in denied:
        by_place.setdefault(question.namespace, []).append(str(question))
    missing = "; ".join(
        f"{', '.join(listed)} in {f'namespace {place!r}' if place else 'every namespace'}"
        for place, listed in by_place.items()
    )
    return f"the role of {names.OPERATOR} does not allow: {missing}; apply the role of this version again."
