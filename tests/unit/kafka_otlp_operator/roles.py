"""Verbs by API group and resource: of the table of rights, and of a role. Held against each other by the tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from kafka_otlp_operator.api.access import Right

Granted = dict[tuple[str, str], set[str]]


def table(rights: Iterable[Right]) -> Granted:
    """What the operator needs."""
    found: Granted = defaultdict(set)
    for right in rights:
        below = f"/{right.subresource}" if right.subresource else ""
        found[right.kind.group, right.kind.plural + below] |= set(right.verbs)
    return dict(found)


def granted(role: Mapping[str, Any]) -> Granted:
    """What a Role or a ClusterRole allows."""
    found: Granted = defaultdict(set)
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found[group, resource] |= set(rule["verbs"])
    return dict(found)
