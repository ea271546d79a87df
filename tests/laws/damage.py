"""Every field of the custom resource with values that it must not have, made from the generated definition.

A new field is damaged without anybody thinking of it. Used by ``tests/contract/test_invalid.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.laws.walk import leaves, schema_of_spec, spec_with


class Damaged(NamedTuple):
    """A spec that is wrong at ``path``; ``how`` says in a word why."""

    path: str
    how: str
    spec: Mapping[str, Any]


_OTHER_TYPE: Mapping[str, Any] = {
    "string": 7,
    "integer": "seven",
    "boolean": "perhaps",
    "array": "not a list",
    "object": ["a list"],
}


def damaged() -> list[Damaged]:
    """Each field of ``spec`` of another type, and beyond each limit that its schema has."""
    schema = schema_of_spec()
    return [
        Damaged(path, how, {"brokers": ["kafka:9092"]} | spec_with(schema, path, value))
        for path, leaf in leaves(schema)
        for how, value in _values(leaf)
    ]


def _values(leaf: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "type", _OTHER_TYPE.get(leaf.get("type", ""), [["neither a number nor a text"]])
    if "enum" in leaf:
        yield "enum", "NoSuchValue"
    if "minimum" in leaf:
        yield "minimum", leaf["minimum"] - 1
    if "maximum" in leaf:
        yield "maximum", leaf["maximum"] + 1
    if "pattern" in leaf:
        yield "pattern", "%"
    if "maxLength" in leaf:
        yield "maxLength", "a" * (leaf["maxLength"] + 1)
    if leaf.get("minItems"):
        yield "minItems", []
    if "maxItems" in leaf and leaf["items"].get("type") in {"string", "integer"}:
        item = leaf["items"]
        made = (f"a{number}:1" if item["type"] == "string" else number + 1 for number in range(leaf["maxItems"] + 1))
        yield "maxItems", list(made)
