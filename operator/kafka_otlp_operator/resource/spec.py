"""The custom resource as a value: ``parse`` reads one, and refuses what is wrong with a sentence that has its path.

Called by ``reconcile`` and ``__main__``. What the API server refuses is refused here in the same words, for ``render``
and for resources that were stored under an older definition. Pure.
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

_SASL_ROWS: Mapping[str, str] = {
    "sasl_username": "spec.sasl.username",
    "sasl_password": "spec.sasl.passwordSecretRef",
    "sasl_mechanism": "spec.sasl.mechanism",
}

# Field of spec to its row; those of SASL have an object of their own.
OPTION_FIELDS: Mapping[str, Row] = {row.field: row for name, row in table.ROWS.items() if name not in _SASL_ROWS}

# Where the resource's form differs from the flag's.
ALLOWED: Mapping[str, str] = {
    "brokers": "a list of 1 to 64 host:port",
    "request_timeout": "a duration such as 30s or 500ms, at least 1ms and at most 15m",
    "partition_key_attributes": "a list of attribute names of 1 to 256 characters, at most 32, each once",
    "custom_config": "librdkafka property names in lower case, at most 128, each with a string of at most "
    "4096 characters or a whole number (true and false need quotes)",
}

_LONGEST_SHOWN = 128  # of what somebody else wrote; a status and a log line are for people
_DEEPEST = 64
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Resource(Metadata):
    """One custom resource that is valid. ``options`` knows which of them its author set."""

    options: Options
    workload: Workload


def spelling(row: Row) -> str:
    """How an option is called in the resource: ``spec.lingerMs``, ``spec.sasl.mechanism``."""
    return _SASL_ROWS.get(row.name, f"spec.{row.field}")


def allowed(row: Row) -> str:
    """Which values an option takes in the resource, in words."""
    return ALLOWED.get(row.name, row.allowed)


def parse(document: Mapping[str, Any], allowed_properties: Collection[str] = ()) -> Resource:
    """Read a resource as the API server gives it, or as it stands in a file.

    ``allowed_properties`` are those of librdkafka that ``customConfig`` may set beyond ``permitted``'s. Raises SpecInvalid with the first thing that is wrong, its path in front.
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
        raise SpecInvalid("spec: missing; at least spec.brokers is needed.")
    given = _as_stored(spec, "spec", _DEEPEST)
    _no_unknown(given)
    workload = _workload({field: value for field, value in given.items() if field not in OPTION_FIELDS})
    options = _options(given, workload)
    _only_permitted(options, allowed_properties)
    _readable_resources(workload)
    _keep_rules(given)
    return Resource(**asdict(about), options=options, workload=workload)


def _as_stored(value: Any, path: str, deeper: int) -> Any:
    """What the API server would store of it: a null in an object means "not set", a key is a text.

    Raises SpecInvalid for what no API server would store: a file that ``render`` reads may hold anything.
    """
    if deeper == 0:
        raise SpecInvalid(f"{path}: more than {_DEEPEST} levels deep; no field of the resource is.")
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
    if "brokers" not in spec:
        raise SpecInvalid("spec.brokers: missing; name the Kafka brokers, host:port each.")


def _options(spec: Mapping[str, Any], workload: Workload) -> Options:
    values = {row.name: value for field, value in spec.items() if (row := OPTION_FIELDS.get(field))}
    for name in ("brokers", "partition_key_attributes"):
        if name in values:
            if not isinstance(values[name], list):
                raise _not_allowed(table.ROWS[name], values[name])
            values[name] = tuple(values[name])
    if "custom_config" in values:
        values["custom_config"] = _texts(values["custom_config"])
    if workload.sasl is not None:
        values["sasl_mechanism"] = workload.sasl.mechanism
        if workload.sasl.username is not None:
            values["sasl_username"] = workload.sasl.username
    try:
        return Options.model_validate(values, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        row = table.ROWS[str(first["loc"][0])]
        if row.name == "custom_config":
            raise _not_allowed_property(row, first["loc"]) from None
        raise _not_allowed(row, values[row.name]) from None


def _texts(config: Any) -> dict[str, str]:
    """Custom config as texts. What it holds is never told, but by the names of its properties: it may be a secret."""
    row = table.ROWS["custom_config"]
    if not isinstance(config, Mapping):
        raise SpecInvalid(f"{spelling(row)}: it is no object; allowed: {allowed(row)}.")
    for name, value in config.items():
        if sentence := refusals.refusal(name):
            raise PropertyRefused(f"{spelling(row)}: {sentence}")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise SpecInvalid(
                f"{spelling(row)}.{name[:_LONGEST_SHOWN]}: it is neither a text nor a whole number; put it in quotes."
            )
    return {name: str(value) for name, value in config.items()}


def _only_permitted(options: Options, allowed_properties: Collection[str]) -> None:
    for name in options.custom_config:
        if sentence := permitted.refusal(name, allowed_properties):
            raise PropertyRefused(f"{spelling(table.ROWS['custom_config'])}: {sentence}")


def _workload(values: Mapping[str, Any]) -> Workload:
    try:
        # As JSON, because strict pydantic takes a list for a tuple, and a text for an enum, only there.
        return Workload.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = "spec" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        message = "missing" if first["type"] == "missing" else first["msg"][:1].lower() + first["msg"][1:]
        raise SpecInvalid(f"{path}: {message}.") from None


def _not_allowed(row: Row, value: Any) -> SpecInvalid:
    shown = json.dumps(value, default=str, ensure_ascii=False)
    if len(shown) > _LONGEST_SHOWN:
        shown = shown[:_LONGEST_SHOWN] + " ..."
    return SpecInvalid(f"{spelling(row)}: {shown} is not allowed; allowed: {allowed(row)}.")


def _not_allowed_property(row: Row, location: tuple[int | str, ...]) -> SpecInvalid:
    name = f".{str(location[1])[:_LONGEST_SHOWN]}" if len(location) > 1 else ""
    return SpecInvalid(f"{spelling(row)}{name}: it is not allowed; allowed: {allowed(row)}.")


def _keep_rules(spec: Mapping[str, Any]) -> None:
    for rule in rules.RULES:
        part: Any = spec
        for field in filter(None, rule.path.split(".")):
            part = None if part is None else part.get(field)
        if part is not None and not rule.holds(part):
            raise SpecInvalid(f"{'.'.join(filter(None, ('spec', rule.path)))}: {rule.message}")


def _readable_resources(workload: Workload) -> None:
    """What the operator reads of ``resources`` must be readable: the rest is the API server's to judge."""
    for kind in ("limits", "requests"):
        amounts = (workload.resources or {}).get(kind, {})
        if not isinstance(amounts, Mapping):
            raise SpecInvalid(f"spec.resources.{kind}: it is no object; write it like {{memory: 256Mi}}.")
        for name in ("cpu", "memory"):
            try:
                quantity.whole(amounts.get(name, 0))
            except ValueError as error:
                raise SpecInvalid(f"spec.resources.{kind}.{name}: {error}.") from None
