"""Options and settings from flags and environment, and options back to environment.

Reading gives back what was written: ``from_environment(to_environment(options)) == options``, and the same options count
as set. The environment is an argument; this module never reads that of its process.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from kafka_otlp_exporter.config import options as table
from kafka_otlp_exporter.config import settings as process
from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.rows import Row
from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.config.values import written

PREFIX = "KAFKA_EXPORTER_"
_PROGRAM = "kafka-otlp-exporter"
_SEE_HELP = f"see {_PROGRAM} start --help."

# For a Service called kafka-exporter, Kubernetes puts these into every pod of its namespace.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_.*)?)$|_PORT(_[0-9]+_(TCP|UDP)(_.*)?)?$")

# Properties of librdkafka whose values are credentials, by what their names have in common.
_CREDENTIAL = re.compile(r"password|passphrase|secret|\.pem$|oauthbearer\.config")

Model = TypeVar("Model", bound=BaseModel)


class OptionError(ValueError):
    """One option has a wrong value; the message names the option, the value and what is allowed."""


@dataclass(frozen=True)
class Configuration:
    """The configuration of one process. ``warnings`` are sentences for the log."""

    options: Options
    settings: Settings
    warnings: tuple[str, ...]


def to_environment(options: Options) -> dict[str, str]:
    """The environment variables of those options that were set, in the rows' order."""
    return {
        row.variable: written(getattr(options, name))
        for name, row in table.ROWS.items()
        if name in options.model_fields_set
    }


def from_environment(environment: Mapping[str, str]) -> Options:
    """Read options from environment variables alone. Raises OptionError."""
    return _read(Options, table.ROWS, {}, environment)


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Configuration:
    """Read a command line and an environment. A flag overrides a variable, a variable overrides the default.

    Raises OptionError for a wrong value, for an unknown flag, and when both OTLP ports are off. ``--help`` and
    ``--version`` raise SystemExit.
    """
    known, unknown = _parser().parse_known_args(arguments)
    if unknown:
        raise OptionError(_no_such_flag(unknown[0]))
    flags = vars(known)
    options = _read(Options, table.ROWS, flags, environment)
    settings = _read(Settings, process.ROWS, flags, environment)
    if not (settings.otlp_grpc_endpoint or settings.otlp_http_endpoint):
        raise OptionError(
            "--otlp-grpc-endpoint and --otlp-http-endpoint are both empty: the exporter would receive no OTLP; give one of "
            "them an address."
        )
    return Configuration(
        options=options,
        settings=settings,
        warnings=(*_unknown_variables(environment), *_secrets_in_sight(flags, options)),
    )


def _read(
    model: type[Model], rows: Mapping[str, Row], flags: Mapping[str, str | None], environment: Mapping[str, str]
) -> Model:
    texts = {name: environment[row.variable] for name, row in rows.items() if row.variable in environment}
    given = {name: text for name in rows if (text := flags.get(name)) is not None}
    texts.update(given)
    try:
        return model.model_validate(texts)
    except ValidationError as error:
        name = str(error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"][0])
        row = rows[name]
        spelling = row.flag if name in given else row.variable
        shown = "its value" if row.secret else json.dumps(texts[name], ensure_ascii=False)
        raise OptionError(f"{spelling}: {shown} is not allowed; allowed: {row.allowed}.") from None


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    known = {row.variable for rows in (table.ROWS, process.ROWS) for row in rows.values()}
    unknown = sorted(
        name for name in environment if name.startswith(PREFIX) and name not in known and not _SERVICE_LINK.search(name)
    )
    sentences = []
    for name in unknown:
        near = difflib.get_close_matches(name, known, n=1)
        sentences.append(
            f"environment variable {name} is not an option of this exporter and has no effect"
            + (f"; did you mean {near[0]}?" if near else ".")
        )
    return sentences


def _secrets_in_sight(flags: Mapping[str, str | None], options: Options) -> list[str]:
    shown = [
        what
        for name, row in table.ROWS.items()
        if flags.get(name) is not None
        for what in _credentials(row, getattr(options, name))
    ]
    return [
        f"{what} is visible to every user of this machine; use an environment variable or the credentials folder "
        "(--credentials-dir)."
        for what in shown
    ]


def _credentials(row: Row, value: Any) -> list[str]:
    """The names under which a flag holds credentials: its own, or those of properties in a map."""
    match value:
        case SecretStr():
            return [row.flag]
        case dict():
            return [f"{name} in {row.flag}" for name in value if _CREDENTIAL.search(name)]
        case _:
            return []


def _no_such_flag(argument: str) -> str:
    """The sentence has nothing of what follows ``=``: the flag may be a misspelt one for a password."""
    flag = argument.partition("=")[0]
    if not flag.startswith("--"):
        return f"an argument belongs to no option; {_SEE_HELP}"
    near = difflib.get_close_matches(
        flag, [row.flag for rows in (table.ROWS, process.ROWS) for row in rows.values()], 1
    )
    return f"{flag} is not an option; " + (f"did you mean {near[0]}?" if near else _SEE_HELP)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message[:1].lower()}{message[1:]}; {_SEE_HELP}")


class _Version(argparse.Action):
    """Ends the process with the version, which is read only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"{_PROGRAM} {version('kafka-otlp')}")  # noqa: T201
        parser.exit()


def _help(row: Row) -> str:
    return row.explained(row.allowed).replace("%", "%%")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_PROGRAM, description="Receives OTLP and writes it to Kafka.", allow_abbrev=False)
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version of the program and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="start", parser_class=_Parser)
    start = commands.add_parser(
        "start",
        help="receive OTLP and write it to Kafka until SIGTERM",
        description="Each option is also an environment variable: --kafka-exporter-linger-ms is "
        "KAFKA_EXPORTER_LINGER_MS, --otlp-grpc-endpoint is KAFKA_EXPORTER_OTLP_GRPC_ENDPOINT. A flag overrides a variable.",
        allow_abbrev=False,
    )
    start.add_argument("--exporter", choices=["kafka"], default="kafka", help="where telemetry goes: kafka")
    for title, rows in (("Kafka", table.ROWS), ("process", process.ROWS)):
        group = start.add_argument_group(title)
        for name, row in rows.items():
            if row.is_switch:
                group.add_argument(row.flag, dest=name, nargs="?", const="true", metavar="true|false", help=_help(row))
            else:
                group.add_argument(row.flag, dest=name, metavar=_metavar(row), help=_help(row))
    return parser


def _metavar(row: Row) -> str:
    return "|".join(row.choices) if row.choices else (row.unit or "value").upper()
