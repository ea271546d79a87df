"""``docs/resource.md``: every field of the resource in a table, from the option table, the workload fields and the status.

A field with a type of Kubernetes has one line, with the name of that type; Kubernetes documents what is inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from kafka_otlp_operator import names
from kafka_otlp_operator.resource import crd, spec
from kafka_otlp_operator.resource.fields import Workload
from kafka_otlp_operator.resource.parts import INT_OR_STRING, KUBERNETES_TYPE
from tools.kubernetes_types import TYPES, kubernetes_type

_HEAD = "| field | allowed | default | meaning |\n|---|---|---|---|\n"


class Line(NamedTuple):
    """One field: its path, which values it takes, its default, and what it is for."""

    path: str
    allowed: str
    default: str
    meaning: str


def manual(note: str) -> str:
    """The page."""
    schema = _schema()
    return (
        "\n\n".join(
            [
                f"# The fields of a {names.KIND}",
                f"<!-- {note} -->",
                "`kubectl explain koe.spec` shows the same. A field that is not set has its default; a default never stands in "
                "the stored resource, except for `replicas`. [The options](options.md) have flags and environment variables "
                "too.",
                "## Options of the exporter",
                _HEAD + "\n".join(map(_row, _options())),
                "## Credentials, pods and network",
                _HEAD + "\n".join(map(_row, _workload(schema["properties"]["spec"]))),
                "## Status",
                "The operator writes it.",
                "| field | type | meaning |\n|---|---|---|\n"
                + "\n".join(
                    f"| `{path}` | {_type(part)} | {_cell(part['description'])} |"
                    for path, part in _parts(schema["properties"]["status"], "status")
                ),
            ]
        )
        + "\n"
    )


def _schema() -> Mapping[str, Any]:
    definition = crd.definition({name: kubernetes_type(name) for name in TYPES})
    found: Mapping[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def _options() -> Iterator[Line]:
    for field, row in spec.OPTION_FIELDS.items():
        default = "required" if field in spec.REQUIRED else f"`{row.default_text}`" if row.default_text else ""
        yield Line(f"spec.{field}", row.allowed_in_resource, default, row.description)


def _workload(schema: Mapping[str, Any]) -> Iterator[Line]:
    of_kubernetes = dict(_kubernetes_types(Workload, "spec"))
    options = {f"spec.{field}" for field in spec.OPTION_FIELDS}
    for path, part in _parts(schema, "spec", stop=of_kubernetes):
        if path not in options:
            meaning, default = _split(part["description"])
            needed = path.rpartition(".")[2] in _above(schema, path).get("required", ())
            kind = of_kubernetes.get(path)
            yield Line(
                path, _of_kubernetes(part, kind) if kind else _type(part), "required" if needed else default, meaning
            )


def _parts(
    schema: Mapping[str, Any], path: str, stop: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every field below ``path`` with its schema; nothing below the paths in ``stop``."""
    for name, part in schema.get("properties", {}).items():
        below = f"{path}.{name}"
        yield below, part
        if below not in (stop or {}):
            yield from _parts(part, below, stop)
            yield from _parts(part.get("items", {}), f"{below}[]", stop)


def _above(schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    for name in path.split(".")[1:-1]:
        schema = schema["properties"][name]
    return schema


def _kubernetes_types(model: type[BaseModel], path: str) -> Iterator[tuple[str, str]]:
    """The path of each field that has a type of Kubernetes, and the name of that type."""
    for info in model.model_fields.values():
        below = f"{path}.{info.alias}"
        if isinstance(info.json_schema_extra, dict) and KUBERNETES_TYPE in info.json_schema_extra:
            yield below, str(info.json_schema_extra[KUBERNETES_TYPE])
        for kind in (info.annotation, *get_args(info.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _kubernetes_types(kind, below)


def _of_kubernetes(schema: Mapping[str, Any], kind: str) -> str:
    return ("a list of " if schema["type"] == "array" else "") + f"Kubernetes' `{kind.removeprefix('V1')}`"


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if INT_OR_STRING in schema:
        return "a whole number or a text"
    limits = [f" {word} {schema[key]}" for word, key in (("from", "minimum"), ("to", "maximum")) if key in schema]
    longest = f" of at most {schema['maxLength']} characters" if "maxLength" in schema else ""
    most = f" of at most {schema['maxItems']}" if "maxItems" in schema else ""
    return {
        "boolean": "true or false",
        "integer": "a whole number" + "".join(limits),
        "string": f"a text{longest}",
        "array": f"a list{most}: {_type(schema['items'])}" if "items" in schema else "a list",
        "object": "an object" if "properties" in schema else "texts by name",
    }[schema["type"]]


def _split(description: str) -> tuple[str, str]:
    """A description without its default, and the default."""
    found = re.fullmatch(r"(.*?) ?Default: (.*)\.", description)
    return (found[1], found[2]) if found else (description, "")


def _row(line: Line) -> str:
    return f"| `{line.path}` | {_cell(line.allowed)} | {_cell(line.default)} | {_cell(line.meaning)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
