"""Every field of the custom resource, with two values for it and the fields that must be set beside it.

The fields come from the generated definition, so that the walk covers a new field by itself.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

# Fields that change none of the objects, and why.
WITHOUT_EFFECT: Mapping[str, str] = {
    "paused": "it holds back what the others do; the tests of pausing are about it",
    "credentialReload": "what it does depends on Secrets and on the operator; the tests of restarts are about it",
}

_CPU = {"resources": {"requests": {"cpu": "100m"}}}
_REF = {"name": "s", "key": "k"}

# What the rest of the spec must say to allow a field. The entry with the longest path that the field's path begins with counts.
_BESIDE: Mapping[str, dict[str, Any]] = {
    "scaling.": {"scaling": {"mode": "HPA", "maxReplicas": 9}, **_CPU},
    "scaling.mode": {},
    "sasl.": {
        "securityProtocol": "SASL_SSL",
        "sasl": {"mechanism": "PLAIN", "username": "u", "passwordSecretRef": _REF},
    },
    "sasl.usernameSecretRef": {
        "securityProtocol": "SASL_SSL",
        "sasl": {"mechanism": "PLAIN", "passwordSecretRef": _REF},
    },
    "tls.": {"securityProtocol": "SSL"},
    "otlp.grpc.clientCaSecretRef": {"otlp": {"grpc": {"tlsSecretRef": {"name": "t"}}}},
    "otlp.http.clientCaSecretRef": {"otlp": {"http": {"tlsSecretRef": {"name": "t"}}}},
    "podDisruptionBudget.": {"podDisruptionBudget": {}},
    "networkPolicy.": {"networkPolicy": {}},
    "metrics.podMonitor.": {"metrics": {"podMonitor": {}}},
    "resources.": {},
}

# What Kubernetes needs inside of an object, by the end of its path.
_BASES: tuple[tuple[str, dict[str, Any]], ...] = (
    (r"matchExpressions\[\]$", {"key": "a", "operator": "Exists"}),
    (r"matchFields\[\]$", {"key": "metadata.name", "operator": "In", "values": ["n"]}),
    (r"nodeAffinity\.preferred\w+\[\]$", {"weight": 1, "preference": {}}),
    (r"preferred\w+\[\]$", {"weight": 1}),
    (r"podAffinityTerm$|pod(Anti)?Affinity\.required\w+\[\]$", {"topologyKey": "z", "labelSelector": {}}),
    (r"tolerations\[\]$", {"key": "t"}),
    (
        r"topologySpreadConstraints\[\]$",
        {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}},
    ),
    (r"env\[\]$", {"name": "E"}),
    (r"ipBlock$", {"cidr": "10.0.0.0/8"}),
)

# The fields that must be set beside a field in its own object.
_SIBLINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    (r"matchExpressions\[\]\.values$", {"operator": "In"}),
    (r"\.tolerationSeconds$", {"effect": "NoExecute"}),
    (r"resourceFieldRef\.(containerName|divisor)$", {"resource": "limits.cpu"}),
    (r"(configMapKeyRef|secretKeyRef)\.", {"name": "s", "key": "k"}),
)

# Fields that the schema does not require, but a rule of ours or of Kubernetes does.
_NEEDED: tuple[tuple[str, bool], ...] = ((r"^scaling\.maxReplicas$|^sasl\.username$|env\[\].*KeyRef\.name$", True),)

# Two values for each field whose schema alone does not give valid ones.
_VALUES: tuple[tuple[str, tuple[Any, Any]], ...] = (
    (r"^brokers$", (["a:1"], ["a:1", "b:2"])),
    (r"^(customConfig)$", ({"socket.timeout.ms": "7000"}, {"socket.timeout.ms": "8000", "client.rack": "r"})),
    (r"^securityProtocol$", ("SSL", "PLAINTEXT")),
    (r"^scaling\.mode$", ("External", "Fixed")),
    (r"^service\.type$", ("NodePort", "LoadBalancer")),
    (r"^resources\.", ({"memory": "512Mi"}, {"memory": "1Gi", "cpu": "3"})),
    (r"interval$", ("15s", "1m")),
    (r"(minAvailable|maxUnavailable)$", (3, "40%")),
    (r"brokerPorts$", ([1234], [1234, 1235])),
    (r"cidr$", ("10.0.0.0/8", "10.0.0.0/9")),
    (r"except$", (["10.1.0.0/16"], ["10.2.0.0/16"])),
    (r"matchFields\[\]\.operator$", ("In", "NotIn")),
    (r"nodeAffinity.*\.operator$|Selector\.matchExpressions\[\]\.operator$", ("Exists", "DoesNotExist")),
    (r"tolerations\[\]\.operator$", ("Exists", "Equal")),
    (r"\.effect$", ("NoSchedule", "NoExecute")),
    (r"Policy$(?<!imagePullPolicy)", ("Honor", "Ignore")),
    (r"whenUnsatisfiable$", ("DoNotSchedule", "ScheduleAnyway")),
    (r"fieldPath$", ("metadata.name", "metadata.namespace")),
    (r"fieldRef\.apiVersion$", ("v1", "v2")),
    (r"\.resource$", ("limits.cpu", "limits.memory")),
    (r"divisor$", ("1", "1m")),
    (r"matchFields\[\]\.key$", ("metadata.name", "metadata.namespace")),
)


@dataclass(frozen=True)
class Field:
    """One field: a spec without it, one with a value, and one with another value."""

    path: str
    unset: Mapping[str, Any]
    one: Mapping[str, Any]
    other: Mapping[str, Any]


def fields() -> list[Field]:
    """Every field that holds a value and no further fields."""
    schema = schema_of_spec()
    return [_field(schema, path, leaf) for path, leaf in leaves(schema)]


def schema_of_spec() -> Mapping[str, Any]:
    """What the generated definition says of ``spec``."""
    definition = yaml.safe_load((ROOT / "crds" / "kafkaotlpexporters.yaml").read_text())
    found: Mapping[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def leaves(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every field below a path that holds a value and no further fields: its own path, and its schema."""
    if "properties" in schema:
        for name, part in schema["properties"].items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif schema.get("type") == "array" and "properties" in schema["items"]:
        yield from leaves(schema["items"], f"{path}[]")
    else:
        yield path, schema


def _field(schema: Mapping[str, Any], path: str, leaf: Mapping[str, Any]) -> Field:
    one, other = (spec_with(schema, path, value) for value in _values(path, leaf))
    return Field(path, _unset(schema, path), one, other)


def _values(path: str, leaf: Mapping[str, Any]) -> tuple[Any, Any]:
    said: tuple[Any, Any] | None = _first(_VALUES, path)
    if said is not None:
        return said
    if "enum" in leaf:
        return leaf["enum"][0], leaf["enum"][1]
    if "pattern" in leaf:
        return _matching(leaf["pattern"], "aa", "20s"), _matching(leaf["pattern"], "bb", "40s")
    match leaf.get("type"):
        case "boolean":  # what is on by default is first switched off
            return (False, True) if path.endswith("enabled") else (True, False)
        case "integer":
            least = max(int(leaf.get("minimum", 1)), 2)
            return least, least + 1
        case "array":
            return ["x"], ["y"]
        case "object":
            return {"one": "1"}, {"one": "2", "two": "3"}
    return "aa", "bb"


def _matching(pattern: str, *texts: str) -> str:
    """The first of the texts that matches. A pattern that none matches needs a line in ``_VALUES``."""
    found = next((text for text in texts if re.search(pattern, text)), None)
    assert found is not None, f"no text of the walk matches {pattern}; add two that do to _VALUES"
    return found


def spec_with(schema: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A spec with this value at this path, and with the fields that must be set beside it."""
    spec = _beside(path)
    _put(spec, schema, path.split("."), "", value)
    return spec


def _unset(schema: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The same spec without the field, or an empty spec where the rest is not allowed without the field."""
    spec = spec_with(schema, path, None)
    place: Any = spec
    *way, last = path.split(".")
    below = schema
    for part in way:
        name = part.removesuffix("[]")
        place, below = place[name], below["properties"][name]
        if part.endswith("[]"):
            place, below = place[0], below["items"]
    base = _first(_BASES, ".".join(way)) or {}
    if last in below.get("required", ()) or last in base or _first(_NEEDED, path):
        return {}
    del place[last]
    for name in _first(_SIBLINGS, path) or {}:
        if name in base:
            place[name] = base[name]
    return spec


def _beside(path: str) -> dict[str, Any]:
    matching = [prefix for prefix in _BESIDE if path.startswith(prefix)]
    return copy.deepcopy(_BESIDE[max(matching, key=len)]) if matching else {}


def _put(place: dict[str, Any], schema: Mapping[str, Any], way: list[str], so_far: str, value: Any) -> None:
    """Write ``value`` into ``place`` at the end of ``way``, with the fields that each object on the way needs."""
    name, *rest = way
    path = f"{so_far}.{name}".removeprefix(".")
    for needed in schema.get("required", ()):
        if so_far and needed not in place:
            below = schema["properties"][needed]
            base = copy.deepcopy(_first(_BASES, f"{so_far}.{needed}") or {})
            place[needed] = base if "properties" in below else _values(f"{so_far}.{needed}", below)[0]
    if not rest:
        place |= copy.deepcopy(_first(_SIBLINGS, path) or {})
        place[name] = value
        return
    below, field = schema["properties"][name.removesuffix("[]")], name.removesuffix("[]")
    inside = copy.deepcopy(_first(_BASES, path) or {}) | (place.get(field) or {} if not name.endswith("[]") else {})
    place[field] = [inside] if name.endswith("[]") else inside
    _put(inside, below["items"] if name.endswith("[]") else below, rest, path, value)


def _first(table: tuple[tuple[str, Any], ...], path: str) -> Any:
    return next((entry for pattern, entry in table if re.search(pattern, path)), None)
