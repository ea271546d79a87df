"""Verbs by API group and kind: of the table of rights, and of a role, so that tests can compare them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from kafka_otlp_operator.api.access import Right

Granted = dict[tuple[str, str], set[str]]


def table(rights: Iterable[Right]) -> Granted:
    """The rights that the operator needs."""
    found: Granted = defaultdict(set)
    for right in rights:
        below = f"/{right.subresource}" if right.subresource else ""
        found[right.kind.group, right.kind.plural + below] |= set(right.verbs)
    return dict(found)


def granted(role: Mapping[str, Any]) -> Granted:
    """The rights that a Role or a ClusterRole grants."""
    found: Granted = defaultdict(set)
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found[group, resource] |= set(rule["verbs"])
    return dict(found)
