"""The custom resource definition, as it is generated."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kafka_otlp_exporter.config.options import ROWS
from kafka_otlp_operator.resource import rules
from kafka_otlp_operator.resource.spec import OPTION_FIELDS, REQUIRED

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def schema():
    """The schema of the resource."""
    definition = yaml.safe_load((ROOT / "crds" / "kafkaotlpexporters.yaml").read_text())
    return definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every part of a schema with its path."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


def test_generated_files_are_fresh():
    """The generated files are up to date; `make generate` writes them."""
    command = [sys.executable, "-m", "tools.generate", "--check"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_every_field_is_described(schema):
    """kubectl explain has a description of every field."""
    silent = [
        path
        for path, part in nodes(schema)
        if path not in ("", ".metadata") and "[]" not in path[-2:] and not part.get("description")
    ]
    assert silent == []


def test_only_replicas_has_a_default(schema):
    """A stored resource has only what its author set."""
    assert [path for path, part in nodes(schema) if "default" in part] == [".spec.replicas"]


def test_every_part_has_a_type(schema):
    """The schema is structural."""
    untyped = [p for p, part in nodes(schema) if "type" not in part and "x-kubernetes-int-or-string" not in part]
    assert untyped == []


def test_an_options_field_says_all(schema):
    """The description of a field has the description, the allowed values and the default of its option."""
    fields = schema["properties"]["spec"]["properties"]
    assert {field: fields[field]["description"] for field in OPTION_FIELDS} == {
        field: f"{row.description} Allowed: {row.allowed_in_resource}."
        + (f" Default: {row.default_text}." if row.default_text and field not in REQUIRED else "")
        for field, row in OPTION_FIELDS.items()
    }


# The limits that OpenAPI has for each type. The API server silently ignores any other.
LIMITS = {
    "string": {"minLength", "maxLength", "pattern", "enum", "format"},
    "integer": {"minimum", "maximum", "format", "enum"},
    "boolean": set(),
    "array": {"minItems", "maxItems", "items", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"},
    "object": {"maxProperties", "properties", "additionalProperties", "required", "x-kubernetes-map-type"},
    None: {"anyOf", "minimum", "maximum", "maxLength", "pattern", "x-kubernetes-int-or-string"},
}


def test_every_limit_is_one_of_its_type(schema):
    """A keyword of JSON Schema that OpenAPI does not have for a type would silently have no effect."""
    common = {"type", "description", "default", "x-kubernetes-validations"}
    idle = [
        (path, name) for path, part in nodes(schema) for name in part if name not in common | LIMITS[part.get("type")]
    ]
    assert idle == []


def test_the_manual_has_every_field(schema):
    """``docs/resource.md`` has a line for every field, down to those with a type of Kubernetes."""
    lines = re.findall(r"^\| `([^`]+)` \| ([^|]*) \|", (ROOT / "docs" / "resource.md").read_text(), re.MULTILINE)
    of_kubernetes = tuple(f"{path}{end}" for path, kind in lines if "Kubernetes'" in kind for end in (".", "[]"))
    fields = {path[1:] for path, _ in nodes(schema) if path.startswith((".spec.", ".status."))}
    wanted = {path for path in fields if not path.startswith(of_kubernetes) and not path.endswith("[]")}
    assert {path for path, _ in lines} == wanted
    assert len({path for path in wanted if path.count(".") == 1 and path.startswith("spec.")}) >= 42


def test_every_option_stands_in_the_resource(schema):
    """The path of each row leads to a field, also where that is inside of an object."""
    paths = {path.removeprefix(".spec.") for path, _ in nodes(schema)}
    assert [row.field for row in ROWS.values() if row.field not in paths] == []


def test_enums_are_canonical(schema):
    """The resource accepts one spelling of each value."""
    for field, row in OPTION_FIELDS.items():
        assert schema["properties"]["spec"]["properties"][field].get("enum", []) == list(row.choices)
    assert ROWS["acks"].choices == ("none", "one", "all")


def test_every_rule_is_in_it(schema):
    """The definition has each rule of the resource."""
    messages = {rule["message"] for _, part in nodes(schema) for rule in part.get("x-kubernetes-validations", ())}
    assert {rule.message for rule in rules.RULES} <= messages
