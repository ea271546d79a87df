"""The values that options take: their types, and how each is read from text and written back. Pure.

Used by the rows of ``options`` and ``settings``, and by ``env``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

# 1 to 65535
PORT_PATTERN = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
BROKER_PATTERN = r"^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?):" + PORT_PATTERN + "$"
TOPIC_PATTERN = r"^[a-zA-Z0-9._-]+$"
CLIENT_ID_PATTERN = r"^[a-zA-Z0-9._-]+$"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
PROPERTY_PATTERN = r"^[a-z][a-z0-9._]*$"
# No control characters: a name travels as an environment variable. No space at either end: a list is trimmed.
ATTRIBUTE_PATTERN = r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$"

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


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

    Raises ValueError when ``text`` is not one.
    """
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError("not a duration")
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    try:
        exact = timedelta(seconds=sum(float(amount) * _UNIT_SECONDS[unit] for amount, unit in parts))
    except OverflowError:
        raise ValueError("longer than any duration") from None
    return timedelta(milliseconds=round(exact / timedelta(milliseconds=1)))


def format_duration(value: timedelta) -> str:
    """Write a duration so that ``parse_duration`` reads the same one back, to the millisecond."""
    milliseconds = round(value / timedelta(milliseconds=1))
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


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

    Raises ValueError when the last backslash stands before nothing.
    """
    return tuple(filter(None, (_unescape(part).strip(" ") for part in _split_at_commas(text))))


def format_names(names: tuple[str, ...]) -> str:
    """Write names so that ``parse_names`` reads the same ones back."""
    return ",".join(map(_escape, names))


def parse_custom_config(text: str) -> dict[str, str]:
    """Read ``key=value,key=value``; a comma or backslash inside a value has a backslash before it.

    Raises ValueError when a part has no ``=``, or a key stands twice.
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


def any_case(choices: type[StrEnum]) -> BeforeValidator:
    """Accept upper and lower case, and a hyphen for an underscore: people write both."""
    spellings = {choice.value.upper().replace("_", "-"): choice for choice in choices}

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        return spellings.get(value.upper().replace("_", "-"), value)

    return BeforeValidator(read)


def _duration_from_text(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def brokers_from_text(value: object) -> object:
    """Read ``host:port,host:port``; what is no text is left for validation."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def custom_config_from_text(value: object) -> object:
    """Read a custom config from text; what is no text is left for validation."""
    return parse_custom_config(value) if isinstance(value, str) else value


def names_from_text(value: object) -> object:
    """Read names from text; what is no text is left for validation."""
    return parse_names(value) if isinstance(value, str) else value


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("a name stands twice")
    return names


Broker = Annotated[str, Field(min_length=3, max_length=261, pattern=BROKER_PATTERN)]
Topic = Annotated[str, Field(min_length=1, max_length=249, pattern=TOPIC_PATTERN)]
AttributeName = Annotated[str, Field(min_length=1, max_length=256, pattern=ATTRIBUTE_PATTERN)]
AttributeNames = Annotated[
    tuple[AttributeName, ...], BeforeValidator(names_from_text), AfterValidator(_each_once), Field(max_length=32)
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration_from_text),
    PlainSerializer(format_duration, return_type=str),
    Field(gt=timedelta(0), le=timedelta(minutes=15)),
]
