"""A copy of both programs whose option tables have one more row of every kind, and what the copy says of each.

The rows are written into ``options.py`` and ``settings.py`` of the copy, as a contributor writes them, and nothing else
is changed. A process of its own then runs the copy.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_MADE_LAST = "\n\nROWS = rows("

_IMPORTS = """
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from kafka_otlp_exporter.config.marks import ResourcePath, Secret, Unit, Words
from kafka_otlp_exporter.config.values import Duration, any_case, custom_config_from_text, names_from_text


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


"""


@dataclass(frozen=True)
class Kind:
    """One kind of row: how it is written, and what is told of it.

    ``wrong`` is a text, or None where every text is right; ``wrong_in_resource`` and ``right_in_resource`` are values of
    the field. ``schema`` is the field's, without description and rules; ``rules`` are the sentences of its CEL rules.
    """

    name: str
    written: str
    allowed: str
    default: str = ""
    wrong: str | None = None
    in_settings: bool = False
    secret: bool = False
    allowed_in_resource: str = ""
    wrong_in_resource: Any = None
    right_in_resource: Any = None
    schema: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[str, ...] = ()


KINDS = (
    Kind(
        "new_switch",
        'Annotated[bool, Field(description="About new_switch.")] = False',
        "true or false",
        default="false",
        wrong="perhaps",
        wrong_in_resource="true",
        right_in_resource=True,
        schema={"type": "boolean"},
    ),
    Kind(
        "new_number",
        'Annotated[int, Field(ge=10, le=99, description="About new_number."), Unit("sheep")] = 20',
        "a whole number from 10 to 99 (sheep)",
        default="20",
        wrong="9",
        wrong_in_resource=100,
        right_in_resource=99,
        schema={"type": "integer", "format": "int64", "minimum": 10, "maximum": 99},
    ),
    Kind(
        "new_number_or_none",
        'Annotated[int | None, Field(ge=1, le=2, description="About new_number_or_none.")] = None',
        "a whole number from 1 to 2",
        wrong="3",
        wrong_in_resource=3,
        right_in_resource=2,
        schema={"type": "integer", "format": "int64", "minimum": 1, "maximum": 2},
    ),
    Kind(
        "new_choice",
        'Annotated[Colour, any_case(Colour), Field(description="About new_choice.")] = Colour.RED',
        "one of red, blue",
        default="red",
        wrong="green",
        wrong_in_resource="green",
        right_in_resource="blue",
        schema={"type": "string", "enum": ["red", "blue"]},
    ),
    Kind(
        "new_text",
        'Annotated[str, Field(min_length=1, max_length=9, pattern="^[0-9]+$"), Words("1 to 9 digits"), '
        'Field(description="About new_text.")] = "007"',
        "1 to 9 digits",
        default="007",
        wrong="seven",
        wrong_in_resource="seven",
        right_in_resource="008",
        schema={"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^[0-9]+$"},
    ),
    Kind(
        "new_text_or_none",
        'Annotated[Annotated[str, Field(max_length=3), Words("at most 3 characters")] | None, '
        'Field(description="About new_text_or_none.")] = None',
        "at most 3 characters",
        wrong="four",
        wrong_in_resource="four",
        right_in_resource="one",
        schema={"type": "string", "maxLength": 3},
    ),
    Kind(
        "new_duration",
        "Annotated[Duration, Field(ge=timedelta(seconds=2), le=timedelta(hours=0.05), "
        'description="About new_duration.")] = timedelta(seconds=90)',
        "a duration such as 30s or 500ms, at least 2s and at most 3m",
        default="90s",
        wrong="181s",
        wrong_in_resource="1.9999s",
        right_in_resource="3m",
        schema={"type": "string", "maxLength": 16, "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"},
        rules=("must be at least 2s and at most 3m.",),
    ),
    Kind(
        "new_names",
        'Annotated[tuple[Annotated[str, Field(max_length=3, pattern="^[a-z]+$")], ...], Field(max_length=2), '
        'BeforeValidator(names_from_text), Words("at most 2 names, separated by commas", '
        'resource="a list of at most 2 names"), Field(description="About new_names.")] = ("a", "b")',
        "at most 2 names, separated by commas",
        default="a,b",
        wrong="a,b,c",
        allowed_in_resource="a list of at most 2 names",
        wrong_in_resource=["a", "b", "c"],
        right_in_resource=["a"],
        schema={
            "type": "array",
            "maxItems": 2,
            "items": {"type": "string", "maxLength": 3, "pattern": "^[a-z]+$"},
            "x-kubernetes-list-type": "set",
        },
    ),
    Kind(
        "new_map",
        'Annotated[dict[Annotated[str, Field(max_length=4, pattern="^[a-z]+$")], Annotated[str, Field(max_length=5)]], '
        'Field(max_length=2), BeforeValidator(custom_config_from_text), Words("key=value, at most 2", resource="at most '
        '2 keys with a value each", keys="1 to 4 letters"), Field(description="About new_map.")] = {}',
        "key=value, at most 2",
        wrong="KEY=value",
        allowed_in_resource="at most 2 keys with a value each",
        wrong_in_resource={"KEY": "value"},
        right_in_resource={"key": "value", "one": 1},
        schema={
            "type": "object",
            "maxProperties": 2,
            "additionalProperties": {"x-kubernetes-int-or-string": True, "maxLength": 5},
        },
        rules=("a key must be 1 to 4 letters.",),
    ),
    Kind(
        "new_secret",
        'Annotated[SecretStr | None, Field(min_length=3), Words("at least 3 characters"), '
        'ResourcePath("sasl.newSecretRef"), Field(description="About new_secret.")] = None',
        "at least 3 characters",
        wrong="ab",
        secret=True,
    ),
    Kind(
        "new_hidden",
        'Annotated[str, Field(max_length=3), Words("at most 3 characters"), Secret(), '
        'Field(description="About new_hidden.")] = ""',
        "at most 3 characters",
        wrong="four",
        secret=True,
        wrong_in_resource="four",
        right_in_resource="one",
        schema={"type": "string", "maxLength": 3},
    ),
    Kind(
        "new_endpoint",
        'Annotated[Endpoint, Field(description="About new_endpoint.")] = "127.0.0.1:1"',
        "host:port, or an empty text to switch the port off",
        default="127.0.0.1:1",
        wrong="one",
        in_settings=True,
    ),
    Kind(
        "new_file",
        'Annotated[File, Field(description="About new_file.")] = None',
        "a file that can be read",
        in_settings=True,
    ),
    Kind(
        "new_wait",
        'Annotated[Duration, Field(description="About new_wait.")] = timedelta(seconds=1)',
        "a duration such as 30s or 500ms, at least 1ms and at most 15m",
        default="1s",
        wrong="16m",
        in_settings=True,
    ),
)

_ASK = """
import contextlib, io, json, sys
from kafka_otlp_exporter.config import env, options, settings
from kafka_otlp_operator.errors import SpecInvalid
from kafka_otlp_operator.resource import spec
from tools import generate


def refusal(error, call, *given):
    try:
        call(*given)
    except error as refused:
        return str(refused)
    return ""


def resource(field, value):
    given = {"brokers": ["kafka:9092"], field: value}
    spec.parse({"metadata": {"name": "edge"}, "spec": given})


def told(name, asked):
    row = {**options.ROWS, **settings.ROWS}[name]
    found = {"flag": row.flag, "variable": row.variable, "field": row.field}
    if asked["wrong"] is not None:
        wrong = asked["wrong"]
        found["refused_flag"] = refusal(env.OptionError, env.parse, ["start", f"{row.flag}={wrong}"], {})
        found["refused_variable"] = refusal(env.OptionError, env.parse, ["start"], {row.variable: wrong})
    if asked["right_in_resource"] is not None:
        found["refused_field"] = refusal(SpecInvalid, resource, row.field, asked["wrong_in_resource"])
        found["refused_right"] = refusal(SpecInvalid, resource, row.field, asked["right_in_resource"])
    return found


shown = io.StringIO()
with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
    env.parse(["start", "--help"], {})
asked = json.load(sys.stdin)
answer = {
    "rows": {name: told(name, one) for name, one in asked.items()},
    "help": shown.getvalue(),
    "manual": generate.manual(),
    "definition": generate.definition(),
}
json.dump(answer, sys.stdout)
"""


@dataclass(frozen=True)
class Answer:
    """What the copy says: of each row by name; ``help`` of the command, the manual, and the definition as YAML."""

    rows: Mapping[str, Mapping[str, str]]
    help: str
    manual: str
    definition: str


def copy(folder: Path) -> None:
    """Make the copy, with a row of every kind."""
    for name in ("exporter/kafka_otlp_exporter", "operator/kafka_otlp_operator", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for table, in_settings in (("options", False), ("settings", True)):
        _add(folder, table, [(kind.name, kind.written) for kind in KINDS if kind.in_settings is in_settings])


def _add(folder: Path, table: str, rows: list[tuple[str, str]]) -> None:
    path = folder / f"exporter/kafka_otlp_exporter/config/{table}.py"
    before, made_last, after = path.read_text().partition(_MADE_LAST)
    head, model, body = before.partition("\nclass " + table.capitalize())
    written = "".join(f"\n    {name}: {row}" for name, row in rows)
    path.write_text(f"{head}{_IMPORTS}{model}{body}{written}{made_last}{after}")


def run(folder: Path, program: str, given: object = None) -> subprocess.CompletedProcess[str]:
    """Run a program with the packages of the copy, and ``given`` as JSON on its standard input."""
    paths = os.pathsep.join(str(folder / name) for name in ("exporter", "operator", ""))
    return subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(given),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=False,
    )


def ask(folder: Path) -> Answer:
    """What the copy says of its new rows."""
    asked = {
        kind.name: {
            "wrong": kind.wrong,
            "wrong_in_resource": kind.wrong_in_resource,
            "right_in_resource": kind.right_in_resource,
        }
        for kind in KINDS
    }
    found = run(folder, _ASK, asked)
    assert found.returncode == 0, found.stderr[-2000:]
    return Answer(**json.loads(found.stdout))


def refused_table(folder: Path, row: str) -> str:
    """The sentence with which a copy that has this row more is refused when its table is made."""
    copied = folder / "refused"
    shutil.copytree(folder / "exporter", copied / "exporter")
    _add(copied, "options", [("new_odd", row)])
    found = run(copied, "import kafka_otlp_exporter.config.options")
    shutil.rmtree(copied)
    return found.stderr.strip().rpartition("\n")[2]
