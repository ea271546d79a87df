"""What a row of an option table is: one option in every form that it has. Pure.

``options`` and ``settings`` hold the rows; from them ``env`` makes flags and variables, the operator the fields of the
resource, and ``tools/generate.py`` the documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Kafka:
    """A row's second half: the librdkafka property that it sets, and how its value is spelt there."""

    property: str
    spell: Callable[[Any], str] = str


@dataclass(frozen=True)
class Unit:
    """The unit of a row's value, in the plural: ``bytes``, ``milliseconds``."""

    name: str


@dataclass(frozen=True)
class Computed:
    """How the value of a row is found when it is not set, in words."""

    words: str


@dataclass(frozen=True)
class Row:
    """One option, in every form that it has.

    ``name`` is the snake-case attribute of ``Options``; ``allowed`` says in words which values it takes, ``computed``
    what it is when it is not set and the default is none.
    """

    name: str
    description: str
    default: object
    unit: str | None
    kafka: Kafka | None
    choices: tuple[str, ...]
    maximum: int | None
    allowed: str
    flag_prefix: str
    computed: str | None = None

    @property
    def flag(self) -> str:
        """``--kafka-exporter-linger-ms``."""
        return self.flag_prefix + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """``KAFKA_EXPORTER_LINGER_MS``."""
        return "KAFKA_EXPORTER_" + self.name.upper()

    @property
    def field(self) -> str:
        """``lingerMs``: the field of the resource's spec; the two forms of ``sasl`` and ``customConfig`` aside."""
        head, *tail = self.name.split("_")
        return head + "".join(part.capitalize() for part in tail)

    @property
    def is_switch(self) -> bool:
        """Whether the option is true or false."""
        return isinstance(self.default, bool)


_WORDS = {
    "brokers": "host:port, several separated by commas, at most 64",
    "request_timeout": "a duration such as 30s or 500ms, at least 1ms and at most 15m",
    "custom_config": "key=value, several separated by commas (a comma or backslash in a value is written with a "
    "backslash before it); a key is a librdkafka property name in lower case",
    "partition_key_attributes": "attribute names of 1 to 256 characters, several separated by commas (a comma or "
    "backslash in a name is written with a backslash before it), at most 32, each once",
    "sasl_username": "1 to 256 characters",
    "sasl_password": "text",
    "otlp_grpc_endpoint": "host:port, or nothing to switch it off",
    "otlp_http_endpoint": "host:port, or nothing to switch it off",
    "admin_endpoint": "host:port, or nothing to switch it off",
    "credentials_dir": "a folder that exists",
    "required_files": "paths, several separated by commas (a comma or backslash in a path is written with a backslash "
    "before it)",
    **{
        f"otlp_{port}_{file}": "a file that can be read"
        for port in ("grpc", "http")
        for file in ("tls_cert_file", "tls_private_key_file", "client_ca_file")
    },
    "otlp_bearer_token_file": "a file that can be read",
    "shutdown_timeout": "a duration such as 30s or 500ms, at least 1ms and at most 15m",
}


def _choices(annotation: Any) -> tuple[str, ...]:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, StrEnum):
            return tuple(choice.value for choice in candidate)
    return ()


def _limit(info: FieldInfo, name: str) -> Any:
    return next((getattr(entry, name) for entry in info.metadata if hasattr(entry, name)), None)


def _is_number(info: FieldInfo) -> bool:
    return int in (info.annotation, *get_args(info.annotation))


def _allowed(name: str, info: FieldInfo, unit: str | None) -> str:
    if name in _WORDS:
        return _WORDS[name]
    if choices := _choices(info.annotation):
        return "one of " + ", ".join(choices)
    if info.annotation is bool:
        return "true or false"
    if _is_number(info):
        return f"a whole number from {_limit(info, 'ge')} to {_limit(info, 'le')}" + (f" ({unit})" if unit else "")
    return "1 to 249 characters out of a-z, A-Z, 0-9, '.', '_' and '-'"


def _row(name: str, info: FieldInfo, flag_prefix: str) -> Row:
    unit = next((entry.name for entry in info.metadata if isinstance(entry, Unit)), None)
    return Row(
        name=name,
        description=info.description or "",
        default=info.default,
        unit=unit,
        kafka=next((entry for entry in info.metadata if isinstance(entry, Kafka)), None),
        choices=_choices(info.annotation),
        maximum=_limit(info, "le") if _is_number(info) else None,
        allowed=_allowed(name, info, unit),
        flag_prefix=flag_prefix,
        computed=next((entry.words for entry in info.metadata if isinstance(entry, Computed)), None),
    )


def rows(model: type[BaseModel], flag_prefix: str) -> Mapping[str, Row]:
    """The rows of an option model, by name, in the order of their definition."""
    return {name: _row(name, info, flag_prefix) for name, info in model.model_fields.items()}
