"""Options and settings from flags and environment, and options back to environment.

Called by ``__main__`` and by the operator, which writes the environment that the exporter reads: the law is that
``from_environment(to_environment(options)) == options``, what was set and what was not included.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from kafka_otlp_exporter.config import options as table
from kafka_otlp_exporter.config import settings as process
from kafka_otlp_exporter.config import values
from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.rows import Row
from kafka_otlp_exporter.config.settings import Settings

PREFIX = "KAFKA_EXPORTER_"

# A Service called kafka-exporter makes Kubernetes put these into every pod of its namespace.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_.*)?)$|_PORT(_[0-9]+_(TCP|UDP)(_.*)?)?$")

_SECRET_ROWS = frozenset({"sasl_password", "custom_config"})

# librdkafka's properties whose values are credentials, by what their names have in common.
_CREDENTIAL = re.compile(r"password|passphrase|secret|\.pem$|oauthbearer\.config")

Model = TypeVar("Model", bound=BaseModel)


class OptionError(ValueError):
    """One option has a wrong value; the message names the option, the value and what is allowed."""


@dataclass(frozen=True)
class Configuration:
    """What one process was told: ``warnings`` are sentences for the log."""

    options: Options
    settings: Settings
    warnings: tuple[str, ...]


def to_environment(options: Options) -> dict[str, str]:
    """The environment variables for those options that were set, by the rows' names, in the rows' order."""
    return {
        row.variable: _text(getattr(options, name))
        for name, row in table.ROWS.items()
        if name in options.model_fields_set
    }


def from_environment(environment: Mapping[str, str]) -> Options:
    """Read options from environment variables alone. Raises OptionError."""
    return _read(Options, table.ROWS, {}, environment)


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Configuration:
    """Read a command line and an environment; a flag goes before a variable, a variable before the default.

    Raises OptionError for a wrong value, an unknown flag, or no address for OTLP at all. ``--help`` and ``--version`` end the process.
    """
    known, unknown = _parser().parse_known_args(arguments)
    if unknown:
        raise OptionError(_no_such_flag(unknown[0]))
    flags = vars(known)
    options = _read(Options, table.ROWS, flags, environment)
    settings = _read(Settings, process.ROWS, flags, environment)
    if not (settings.otlp_grpc_endpoint or settings.otlp_http_endpoint):
        raise OptionError(
            "--otlp-grpc-endpoint and --otlp-http-endpoint are both empty: the exporter would take OTLP nowhere; give "
            "one of them an address."
        )
    return Configuration(
        options=options,
        settings=settings,
        warnings=(*_unknown_variables(environment), *_secrets_in_sight(flags, options)),
    )


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case timedelta():
            return values.format_duration(value)
        case tuple():
            return values.format_names(value)
        case dict():
            return values.format_custom_config(value)
        case SecretStr():
            return value.get_secret_value()
        case _:
            return str(value)


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
        shown = "its value" if name in _SECRET_ROWS else json.dumps(texts[name], ensure_ascii=False)
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
            f"environment variable {name} is no option of this exporter and has no effect"
            + (f"; did you mean {near[0]}?" if near else ".")
        )
    return sentences


def _secrets_in_sight(flags: Mapping[str, str | None], options: Options) -> list[str]:
    shown = [] if flags.get("sasl_password") is None else [table.ROWS["sasl_password"].flag]
    if flags.get("custom_config") is not None:
        row = table.ROWS["custom_config"]
        shown += [f"{name} in {row.flag}" for name in options.custom_config if _CREDENTIAL.search(name)]
    return [
        f"{what} is visible to every user of this machine; use an environment variable or the credentials folder "
        "(--credentials-dir)."
        for what in shown
    ]


def _no_such_flag(argument: str) -> str:
    """Without what stands behind ``=``: the flag that was meant may be a password's."""
    flag = argument.partition("=")[0]
    if not flag.startswith("--"):
        return "an argument belongs to no option; see kafka-otlp-exporter start --help."
    near = difflib.get_close_matches(
        flag, [row.flag for rows in (table.ROWS, process.ROWS) for row in rows.values()], 1
    )
    return f"{flag} is no option" + (
        f"; did you mean {near[0]}?" if near else "; see kafka-otlp-exporter start --help."
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message[:1].lower()}{message[1:]}; see kafka-otlp-exporter start --help.")


def _help(row: Row) -> str:
    text = f"{row.description} Allowed: {row.allowed}."
    if row.computed is not None:
        text += f" Default: {row.computed}."
    elif row.default not in (None, {}, (), ""):
        text += f" Default: {_text(row.default)}."
    return text.replace("%", "%%")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="kafka-otlp-exporter", description="Takes OTLP and writes it to Kafka.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="start", parser_class=_Parser)
    start = commands.add_parser(
        "start",
        help="take OTLP and write it to Kafka until SIGTERM",
        description="Each option is also an environment variable: --kafka-exporter-linger-ms is "
        "KAFKA_EXPORTER_LINGER_MS, --otlp-grpc-endpoint is KAFKA_EXPORTER_OTLP_GRPC_ENDPOINT. A flag goes first.",
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
