"""The custom resource as a value: ``parse`` reads one, and refuses a wrong one with a sentence that names the path. Pure.

It refuses what the API server refuses, in the same words: for ``render``, and for resources that were stored under an
older definition.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from kafka_otlp_exporter.config import options as table
from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.rows import Row
from kafka_otlp_operator import names
from kafka_otlp_operator.errors import PropertyRefused, SpecInvalid
from kafka_otlp_operator.resource import permitted, quantity, refusals, rules
from kafka_otlp_operator.resource.fields import Workload
from kafka_otlp_operator.resource.metadata import Metadata, metadata

# Field of spec to its row. The rows with a path of their own stand inside of an object of spec.
OPTION_FIELDS: Mapping[str, Row] = {row.field: row for row in table.ROWS.values() if row.path is None}

# The fields that every resource must set, and what to write there: their defaults are of no use in a cluster.
REQUIRED: Mapping[str, str] = {table.ROWS["brokers"].field: "name the Kafka brokers, host:port each"}

_CUSTOM_CONFIG = table.ROWS["custom_config"]

_LONGEST_SHOWN = 128  # of what somebody else wrote; a status and a log line must stay readable
_DEEPEST = 64
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Resource(Metadata):
    """One custom resource that is valid. ``options`` knows which of them the author set."""

    options: Options
    workload: Workload


def spelling(row: Row) -> str:
    """The name of an option in the resource: ``spec.lingerMs``, ``spec.sasl.mechanism``."""
    return f"spec.{row.field}"


def parse(document: Mapping[str, Any], allowed_properties: Collection[str] = ()) -> Resource:
    """Read a resource as the API server returns it, or as a file holds it.

    ``allowed_properties`` are librdkafka properties that ``customConfig`` may set beyond those of ``permitted``. Raises
    SpecInvalid with the first thing that is wrong, its path in front.
    """
    described = document.get("metadata")
    if not isinstance(described, Mapping):
        raise SpecInvalid("metadata: missing; at least metadata.name is needed.")
    about = metadata(described)
    name = about.name
    if len(name) > names.NAME_MAX_LENGTH or not re.fullmatch(names.NAME_PATTERN, name):
        raise SpecInvalid(f"metadata.name: {name[:_LONGEST_SHOWN]!r} is not allowed; allowed: {names.NAME_ALLOWED}.")
    spec = document.get("spec")
    if not isinstance(spec, Mapping):
        raise SpecInvalid(f"spec: missing; at least {' and '.join(f'spec.{field}' for field in REQUIRED)} is needed.")
    given = _as_stored(spec, "spec", _DEEPEST)
    _no_unknown(given)
    workload = _workload({field: value for field, value in given.items() if field not in OPTION_FIELDS})
    _none_refused(given.get(_CUSTOM_CONFIG.field))
    options = _options(given, workload)
    _only_permitted(options, allowed_properties)
    _readable_resources(workload)
    _keep_rules(given)
    return Resource(**asdict(about), options=options, workload=workload)


def _as_stored(value: Any, path: str, deeper: int) -> Any:
    """The value as the API server would store it: a null in an object means "not set", a key is a text.

    Raises SpecInvalid for a value that no API server would store: a file that ``render`` reads may hold anything.
    """
    if deeper == 0:
        raise SpecInvalid(f"{path}: more than {_DEEPEST} levels deep; no field of the resource is that deep.")
    if isinstance(value, Mapping):
        return {
            str(key): _as_stored(part, f"{path}.{str(key)[:_LONGEST_SHOWN]}", deeper - 1)
            for key, part in value.items()
            if part is not None
        }
    if isinstance(value, list):
        return [_as_stored(part, f"{path}[{index}]", deeper - 1) for index, part in enumerate(value)]
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise SpecInvalid(f"{path}: the number is too large; the largest is {_LARGEST}.")
    return value


def _no_unknown(spec: Mapping[str, Any]) -> None:
    known = {*OPTION_FIELDS, *(info.alias or "" for info in Workload.model_fields.values())}
    for field in spec:
        if field not in known:
            near = difflib.get_close_matches(field, known, n=1)
            raise SpecInvalid(
                f"spec.{field[:_LONGEST_SHOWN]}: there is no such field"
                + (f"; did you mean spec.{near[0]}?" if near else ".")
            )
    for field, remedy in REQUIRED.items():
        if field not in spec:
            raise SpecInvalid(f"spec.{field}: missing; {remedy}.")


def _options(spec: Mapping[str, Any], workload: Workload) -> Options:
    values = {row.name: value for field, value in spec.items() if (row := OPTION_FIELDS.get(field))}
    values = {name: _as_option(table.ROWS[name], value) for name, value in values.items()}
    if workload.sasl is not None:
        values["sasl_mechanism"] = workload.sasl.mechanism
        if workload.sasl.username is not None:
            values["sasl_username"] = workload.sasl.username
    try:
        return Options.model_validate(values, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        row = table.ROWS[str(first["loc"][0])]
        if row.is_map:
            raise _not_allowed_key(row, first["loc"]) from None
        raise _not_allowed(row, values[row.name]) from None


def _as_option(row: Row, value: Any) -> Any:
    """A value of a field in the form in which the option takes it."""
    if row.is_map:
        return _texts(row, value)
    if not row.is_list:
        return value
    if not isinstance(value, list):
        raise _not_allowed(row, value)
    return tuple(value)


def _none_refused(config: Any) -> None:
    """Refuse properties by their names, before anything looks at a value."""
    for name in config if isinstance(config, Mapping) else ():
        if sentence := refusals.refusal(name):
            raise PropertyRefused(f"{spelling(_CUSTOM_CONFIG)}: {sentence}")


def _texts(row: Row, given: Any) -> dict[str, str]:
    """The values of a map as texts. A sentence about it names keys and never values, because a value may be a secret."""
    if not isinstance(given, Mapping):
        raise SpecInvalid(f"{spelling(row)}: it is not an object; allowed: {row.allowed_in_resource}.")
    for key, value in given.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise SpecInvalid(
                f"{spelling(row)}.{key[:_LONGEST_SHOWN]}: it is neither a text nor a whole number; put it in quotes."
            )
    return {key: str(value) for key, value in given.items()}


def _only_permitted(options: Options, allowed_properties: Collection[str]) -> None:
    for name in options.custom_config:
        if sentence := permitted.refusal(name, allowed_properties):
            raise PropertyRefused(f"{spelling(_CUSTOM_CONFIG)}: {sentence}")


def _workload(values: Mapping[str, Any]) -> Workload:
    try:
        # As JSON, because only there strict pydantic reads a list as a tuple, and a text as an enum.
        return Workload.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = "spec" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        message = "missing" if first["type"] == "missing" else first["msg"][:1].lower() + first["msg"][1:]
        raise SpecInvalid(f"{path}: {message}.") from None


def _not_allowed(row: Row, value: Any) -> SpecInvalid:
    shown = "its value" if row.secret else json.dumps(value, default=str, ensure_ascii=False)
    if len(shown) > _LONGEST_SHOWN:
        shown = shown[:_LONGEST_SHOWN] + " ..."
    return SpecInvalid(f"{spelling(row)}: {shown} is not allowed; allowed: {row.allowed_in_resource}.")


def _not_allowed_key(row: Row, location: tuple[int | str, ...]) -> SpecInvalid:
    key = f".{str(location[1])[:_LONGEST_SHOWN]}" if len(location) > 1 else ""
    return SpecInvalid(f"{spelling(row)}{key}: it is not allowed; allowed: {row.allowed_in_resource}.")


def _keep_rules(spec: Mapping[str, Any]) -> None:
    for rule in rules.RULES:
        part: Any = spec
        for field in filter(None, rule.path.split(".")):
            part = None if part is None else part.get(field)
        if part is not None and not rule.holds(part):
            raise SpecInvalid(f"{'.'.join(filter(None, ('spec', rule.path)))}: {rule.message}")


def _readable_resources(workload: Workload) -> None:
    """Refuse amounts that the operator cannot read. The API server checks the rest of ``resources``."""
    for kind in ("limits", "requests"):
        amounts = (workload.resources or {}).get(kind, {})
        if not isinstance(amounts, Mapping):
            raise SpecInvalid(f"spec.resources.{kind}: it is not an object; write it like {{memory: 256Mi}}.")
        for name in ("cpu", "memory"):
            try:
                quantity.whole(amounts.get(name, 0))
            except ValueError as error:
                raise SpecInvalid(f"spec.resources.{kind}.{name}: {error}.") from None
