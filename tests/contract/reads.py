"""Reads of a real API server over one connection. Tests ask again and again, and each kubectl would be a new process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import urllib3

from kafka_otlp_operator.names import KIND
from kafka_otlp_operator.objects.kinds import CHILDREN, EVENTS, LEASES, PODS, RESOURCE, Kind
from tests.beds.kubernetes import ApiServer, KubectlError

_KINDS: Mapping[str, Kind] = {
    **CHILDREN,
    KIND: RESOURCE,
    "Pod": PODS,
    "Event": EVENTS,
    "Lease": LEASES,
    "ReplicaSet": Kind("apps", "v1", "replicasets"),
    "Role": Kind("rbac.authorization.k8s.io", "v1", "roles"),
}
_SHORT = {"koe": KIND, "hpa": "HorizontalPodAutoscaler"}
# As kubectl takes them: the kind, its plural, and its plural with the group.
_NAMES = _SHORT | {
    name: kind
    for kind, entry in _KINDS.items()
    for name in (kind.lower(), entry.plural, f"{entry.plural}.{entry.group}".rstrip("."))
}


class Reads:
    """The objects of one namespace, in the form of ``kubectl get -o json``. ``kind`` is one of the names that kubectl takes."""

    def __init__(self, api: ApiServer, namespace: str) -> None:
        """Connect to nothing yet."""
        self._url = api.url
        self._namespace = namespace
        self._pool = urllib3.PoolManager(
            ca_certs=str(api.ca_path), headers={"Authorization": f"Bearer {api.token}"}, timeout=60
        )

    def one(self, kind: str, name: str) -> dict[str, Any] | None:
        """One object; None when there is none, or no such kind. Raises KubectlError."""
        answer = self._get(_KINDS[_NAMES[kind]].path(self._namespace, name))
        return None if answer is None else _without_managers(answer)

    def every(self, kinds: str, *, managers: bool = False) -> list[dict[str, Any]]:
        """All objects of these kinds, which commas separate. ``managers``: with their managed fields.

        Raises KubectlError when there is no such kind, or no answer.
        """
        found: list[dict[str, Any]] = []
        for kind in (_NAMES[name] for name in kinds.split(",")):
            answer = self._get(_KINDS[kind].path(self._namespace))
            if answer is None:
                raise KubectlError(f"the server does not have {kind}")
            # The items of a list do not say what they are.
            said = {"apiVersion": answer["apiVersion"], "kind": kind}
            found += [{**said, **item} for item in answer["items"]]
        return found if managers else [_without_managers(item) for item in found]

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            answer = self._pool.request("GET", f"{self._url}{path}")
        except urllib3.exceptions.HTTPError as error:
            raise KubectlError(f"no answer to {path}: {error}") from None
        found: dict[str, Any] = answer.json()
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise KubectlError(f"{path}: {found['message']}")
        return found


def _without_managers(item: dict[str, Any]) -> dict[str, Any]:
    item["metadata"].pop("managedFields", None)
    return item
