"""One row is all that a new option needs: what is told of it comes from the row, for every kind of row."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.laws.wider import KINDS, Answer, Kind, ask, copy, refused_table

IN_RESOURCE = [kind for kind in KINDS if kind.right_in_resource is not None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy whose tables have a row of every kind."""
    made = tmp_path_factory.mktemp("wider")
    copy(made)
    return made


@pytest.fixture(scope="module")
def answer(folder: Path) -> Answer:
    """What the copy says."""
    return ask(folder)


def different(found: dict[Any, Any], expected: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    """What was found and what was expected, where they differ."""
    return {name: (found.get(name), expected[name]) for name in expected if found.get(name) != expected[name]}


def test_a_name_makes_flag_variable_and_field(answer: Answer):
    """Settings have a shorter flag, and a secret stands where its row says."""
    expected = {
        kind.name: {
            "flag": ("--" if kind.in_settings else "--kafka-exporter-") + kind.name.replace("_", "-"),
            "variable": "KAFKA_EXPORTER_" + kind.name.upper(),
        }
        for kind in KINDS
    }
    found = {name: {form: row[form] for form in ("flag", "variable")} for name, row in answer.rows.items()}
    assert different(found, expected) == {}
    assert answer.rows["new_number_or_none"]["field"] == "newNumberOrNone"
    assert answer.rows["new_secret"]["field"] == "sasl.newSecretRef"


def test_a_wrong_value_is_a_sentence_with_the_rows_own_words(answer: Answer):
    """As flag and as variable; what is secret is not repeated."""
    found, expected = {}, {}
    for kind in KINDS:
        if kind.wrong is None:
            continue
        shown = "its value" if kind.secret else json.dumps(kind.wrong)
        for form in ("flag", "variable"):
            spelt = answer.rows[kind.name][form]
            expected[kind.name, form] = f"{spelt}: {shown} is not allowed; allowed: {kind.allowed}."
            found[kind.name, form] = answer.rows[kind.name][f"refused_{form}"]
    assert different(found, expected) == {}


def test_help_says_what_a_row_is_takes_and_defaults_to(answer: Answer):
    """``--help`` of the command."""
    expected = [f"About {kind.name}. Allowed: {kind.allowed}." + default_of(kind) for kind in KINDS]
    assert [sentence for sentence in expected if sentence + "\n" not in answer.help] == []


def default_of(kind: Kind) -> str:
    """The sentence about a default."""
    return f" Default: {kind.default}." if kind.default else ""


def test_the_manual_has_a_table_for_each_row(answer: Answer):
    """``docs/options.md``."""
    missing = []
    for kind in KINDS:
        row = answer.rows[kind.name]
        lines = [
            f"## {kind.name.replace('_', ' ')}\n\nAbout {kind.name}.\n",
            f"| flag | `{row['flag']}` |",
            f"| environment | `{row['variable']}` |",
            *([] if kind.in_settings else [f"| resource | `spec.{row['field']}` |"]),
            f"| allowed | {kind.allowed} |",
            f"| default | `{kind.default}` |" if kind.default else "| default | none |",
        ]
        section = answer.manual.partition(f"\n## {kind.name.replace('_', ' ')}\n")[2].partition("\n## ")[0]
        missing += [line for line in lines[1:] if line not in section]
        missing += [line for line in lines[:1] if line not in answer.manual]
    assert missing == []


def test_a_row_is_a_field_of_the_resource(answer: Answer):
    """Its schema, its description and its CEL rules; what the copy has beside them is as it was."""
    spec = yaml.safe_load(answer.definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    found, expected = {}, {}
    for kind in IN_RESOURCE:
        schema = dict(spec["properties"][answer.rows[kind.name]["field"]])
        allowed = kind.allowed_in_resource or kind.allowed
        expected[kind.name] = {
            **kind.schema,
            "description": f"About {kind.name}. Allowed: {allowed}." + default_of(kind),
            "rules": kind.rules,
        }
        rules = tuple(rule["message"] for rule in schema.pop("x-kubernetes-validations", ()))
        found[kind.name] = {**schema, "rules": rules}
    assert different(found, expected) == {}
    assert "newSecret" not in spec["properties"]


def test_a_wrong_field_is_a_sentence_with_the_rows_own_words(answer: Answer):
    """``parse`` refuses what the API server refuses, and takes what it takes."""
    wrong = []
    for kind in IN_RESOURCE:
        row = answer.rows[kind.name]
        allowed = kind.allowed_in_resource or kind.allowed
        sentence = row["refused_field"]
        told = any(words in sentence for words in (f"allowed: {allowed}.", *kind.rules))
        if not sentence.startswith(f"spec.{row['field']}") or not told:
            wrong.append((kind.name, sentence))
        if kind.secret and str(kind.wrong_in_resource) in sentence:
            wrong.append((kind.name, sentence))
    assert wrong == []
    assert [row["refused_right"] for row in answer.rows.values() if row.get("refused_right")] == []


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("Annotated[str, Field(max_length=9)] = ''", "new_odd: nothing says which values it takes"),
        ("Annotated[tuple[str, ...], BeforeValidator(names_from_text)] = ()", "new_odd: nothing says which values"),
        ("Annotated[float, Field(ge=0, le=1)] = 0.5", "new_odd: nothing says which values it takes"),
        ("Annotated[int, Field(description='A number.')] = 1", "new_odd: nothing says which values it takes"),
        ("Annotated[int, Field(ge=1)] = 1", "new_odd: nothing says which values it takes"),
        (
            "Annotated[dict[str, str], BeforeValidator(custom_config_from_text), Words('key=value')] = {}",
            "new_odd: nothing says which keys",
        ),
        (
            "Annotated[SecretStr | None, Words('a text')] = None",
            "new_odd: a secret must not be a field of the resource",
        ),
        ("Annotated[str, Words('a text'), Field(max_length=9)] = ''", "new_odd: a limit stands behind the words"),
    ],
)
def test_a_row_that_does_not_say_enough_is_refused_when_the_table_is_made(folder: Path, row: str, sentence: str):
    """With a sentence that says what is missing."""
    said = refused_table(folder, row)
    assert said.startswith(f"TypeError: {sentence}"), textwrap.shorten(said, 500)
