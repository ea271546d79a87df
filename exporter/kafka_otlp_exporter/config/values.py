"""The values that options take: their types, and how each is read from text and written back. Pure.

A type carries its limits, its words and its JSON schema, so that every option of that type has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr, WithJsonSchema

from kafka_otlp_exporter.config.marks import Words

# 1 to 65535
PORT_PATTERN = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
# A final dot makes a name absolute: the resolver then tries none of its search domains.
BROKER_PATTERN = r"^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?\.?):" + PORT_PATTERN + "$"
KAFKA_NAME_PATTERN = r"^[a-zA-Z0-9._-]+$"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
PROPERTY_PATTERN = r"^[a-z][a-z0-9._]*$"
# No control characters: a name travels as an environment variable. No space at either end: the reader of a list trims.
ATTRIBUTE_PATTERN = r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$"

# Port 0 is any free port.
ENDPOINT_PATTERN = r"^$|^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9._-]+):(0|" + PORT_PATTERN + ")$"

UNIT_MILLISECONDS: Mapping[str, int] = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_ESCAPED = "write a backslash before a comma or backslash"


class Format(StrEnum):
    """How a request, or a record's value, is encoded."""

    JSON = "json"
    PROTOBUF = "protobuf"


class Compression(StrEnum):
    """librdkafka ``compression.codec``."""

    GZIP = "gzip"
    SNAPPY = "snappy"
    LZ4 = "lz4"
    ZSTD = "zstd"
    NONE = "none"


class Acks(StrEnum):
    """Which acknowledgement counts: none, the partition leader's, or that of all in-sync replicas."""

    NONE = "none"
    ONE = "one"
    ALL = "all"


class Partitioner(StrEnum):
    """librdkafka ``partitioner``, spelt with hyphens as the specification does."""

    CONSISTENT = "consistent"
    CONSISTENT_RANDOM = "consistent-random"
    MURMUR2_RANDOM = "murmur2-random"
    MURMUR2 = "murmur2"
    FNV1A = "fnv1a"
    FNV1A_RANDOM = "fnv1a-random"


class SaslMechanism(StrEnum):
    """librdkafka ``sasl.mechanism``."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class SecurityProtocol(StrEnum):
    """librdkafka ``security.protocol``."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def uses_sasl(self) -> bool:
        """Whether a user name and a password are sent."""
        return self.value.startswith("SASL_")

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.value.endswith("SSL")


def parse_duration(text: str) -> timedelta:
    """Read a duration such as ``30s``, ``1m30s`` or ``500ms`` (Go's notation, down to milliseconds).

    Raises ValueError when ``text`` is not a duration.
    """
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError("not a duration")
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    try:
        exact = timedelta(milliseconds=sum(float(amount) * UNIT_MILLISECONDS[unit] for amount, unit in parts))
    except OverflowError:
        raise ValueError("longer than any duration") from None
    return timedelta(milliseconds=milliseconds(exact))


def milliseconds(value: timedelta) -> int:
    """A duration in milliseconds, rounded."""
    return round(value / timedelta(milliseconds=1))


def format_duration(value: timedelta) -> str:
    """Write a duration so that ``parse_duration`` reads the same one back, to the millisecond."""
    length = milliseconds(value)
    return f"{length // 1000}s" if length % 1000 == 0 else f"{length}ms"


def in_words(value: timedelta) -> str:
    """A duration in the largest unit in which it is a whole number: ``15m``, ``90s``, ``1ms``."""
    length = milliseconds(value)
    unit = next(name for name in ("h", "m", "s", "ms") if length % UNIT_MILLISECONDS[name] == 0)
    return f"{length // UNIT_MILLISECONDS[unit]}{unit}"


def _split_at_commas(text: str) -> list[str]:
    """The parts between commas, still escaped: a comma or backslash inside a part has a backslash before it."""
    if re.search(r"(?<!\\)(\\\\)*\\$", text):
        raise ValueError("the last backslash stands before nothing")
    return re.findall(r"(?:\\.|[^,\\])+", text, re.DOTALL)


def _unescape(part: str) -> str:
    return re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL)


def _escape(part: str) -> str:
    return re.sub(r"([,\\])", r"\\\1", part)


def parse_names(text: str) -> tuple[str, ...]:
    """Read ``name,name``; a comma or backslash inside a name has a backslash before it. Names are trimmed.

    Raises ValueError when the last backslash has no character after it.
    """
    return tuple(filter(None, (_unescape(part).strip(" ") for part in _split_at_commas(text))))


def format_names(names: tuple[str, ...]) -> str:
    """Write names so that ``parse_names`` reads the same ones back."""
    return ",".join(map(_escape, names))


def parse_custom_config(text: str) -> dict[str, str]:
    """Read ``key=value,key=value``; a comma or backslash inside a value has a backslash before it.

    Raises ValueError when a part has no ``=``, or when a key occurs twice.
    """
    config: dict[str, str] = {}
    for part in filter(str.strip, _split_at_commas(text)):
        key, found, value = part.partition("=")
        key = key.strip()
        if not found:
            raise ValueError("a part has no '='")
        if key in config:
            raise ValueError("a key stands twice")
        config[key] = _unescape(value)
    return config


def format_custom_config(config: Mapping[str, str]) -> str:
    """Write a custom config so that ``parse_custom_config`` reads the same one back."""
    return ",".join(f"{key}={_escape(value)}" for key, value in config.items())


def written(value: Any) -> str:
    """The text of a value, as flag and variable take it."""
    match value:
        case bool():
            return "true" if value else "false"
        case timedelta():
            return format_duration(value)
        case tuple():
            return format_names(tuple(map(str, value)))
        case dict():
            return format_custom_config(value)
        case SecretStr():
            return value.get_secret_value()
        case _:
            return str(value)


def any_case(choices: type[StrEnum]) -> BeforeValidator:
    """Accept upper and lower case, and a hyphen for an underscore, because people write both."""
    spellings = {choice.value.upper().replace("_", "-"): choice for choice in choices}

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        return spellings.get(value.upper().replace("_", "-"), value)

    return BeforeValidator(read)


def _duration_from_text(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def brokers_from_text(value: object) -> object:
    """Read ``host:port,host:port``. A value that is not a text stays as it is, for validation."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def custom_config_from_text(value: object) -> object:
    """Read a custom config from text. A value that is not a text stays as it is, for validation."""
    return parse_custom_config(value) if isinstance(value, str) else value


def names_from_text(value: object) -> object:
    """Read names from text. A value that is not a text stays as it is, for validation."""
    return parse_names(value) if isinstance(value, str) else value


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("a name stands twice")
    return names


Broker = Annotated[str, Field(min_length=3, max_length=261, pattern=BROKER_PATTERN)]
Brokers = Annotated[
    tuple[Broker, ...],
    Field(min_length=1, max_length=64),
    BeforeValidator(brokers_from_text),
    Words("host:port, several separated by commas, at most 64", resource="a list of 1 to 64 host:port"),
]
# Kafka's own rule for the names of topics.
KafkaName = Annotated[
    str,
    Field(min_length=1, max_length=249, pattern=KAFKA_NAME_PATTERN),
    Words("1 to 249 characters out of a-z, A-Z, 0-9, '.', '_' and '-'"),
]
UserName = Annotated[str, Field(min_length=1, max_length=256), Words("1 to 256 characters")]
Password = Annotated[SecretStr, Words("any text")]
AttributeName = Annotated[str, Field(min_length=1, max_length=256, pattern=ATTRIBUTE_PATTERN)]
AttributeNames = Annotated[
    tuple[AttributeName, ...],
    Field(max_length=32),
    BeforeValidator(names_from_text),
    AfterValidator(_each_once),
    Words(
        f"attribute names of 1 to 256 characters, several separated by commas ({_ESCAPED} in a name), at most 32, each once",
        resource="a list of attribute names of 1 to 256 characters, at most 32, each once",
    ),
]
Properties = Annotated[
    dict[Annotated[str, Field(pattern=PROPERTY_PATTERN, max_length=128)], Annotated[str, Field(max_length=4096)]],
    Field(max_length=128),
    BeforeValidator(custom_config_from_text),
    Words(
        f"key=value, several separated by commas ({_ESCAPED} in a value); a key is a librdkafka property name in lower case",
        resource="librdkafka property names in lower case, at most 128, each with a string of at most 4096 characters or "
        "a whole number (true and false need quotes)",
        keys="a librdkafka property name in lower case, of at most 128 characters",
    ),
]
# A row may narrow these limits; the words follow from them. JSON Schema has no limits for durations, so in the resource
# they are a CEL rule.
Duration = Annotated[
    timedelta,
    Field(ge=timedelta(milliseconds=1), le=timedelta(minutes=15)),
    BeforeValidator(_duration_from_text),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "maxLength": 16, "pattern": DURATION_PATTERN}),
]
Endpoint = Annotated[str, Field(pattern=ENDPOINT_PATTERN), Words("host:port, or an empty text to switch the port off")]
_ABSENT_IF_EMPTY = BeforeValidator(lambda value: None if value == "" else value)
File = Annotated[Path | None, _ABSENT_IF_EMPTY, Words("a file that can be read")]
Folder = Annotated[Path | None, _ABSENT_IF_EMPTY, Words("a folder that exists")]
Files = Annotated[
    tuple[Path, ...],
    BeforeValidator(names_from_text),
    Words(f"paths, several separated by commas ({_ESCAPED} in a path)"),
]
