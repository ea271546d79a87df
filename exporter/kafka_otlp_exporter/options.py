"""The option table: every option of the exporter, one typed row each.

From a row come, by one rule, its flag, its environment variable, its field of the custom resource, its schema and
its line of ``docs/options.md``. ``env`` reads and writes the textual forms, ``properties`` turns options into a
librdkafka configuration, the operator builds the resource from the same rows. Nothing here does I/O.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SecretStr
from pydantic.fields import FieldInfo

BROKER_PATTERN = r"^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?):[0-9]{1,5}$"
TOPIC_PATTERN = r"^[a-zA-Z0-9._-]+$"
CLIENT_ID_PATTERN = r"^[a-zA-Z0-9._-]+$"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
PROPERTY_PATTERN = r"^[a-z][a-z0-9._]*$"

INT32_MAX = 2_147_483_647
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Format(StrEnum):
    """How a record's value is encoded."""

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
    return timedelta(seconds=sum(float(amount) * _UNIT_SECONDS[unit] for amount, unit in parts))


def format_duration(value: timedelta) -> str:
    """Write a duration so that ``parse_duration`` reads the same one back, to the millisecond."""
    milliseconds = round(value / timedelta(milliseconds=1))
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def _any_case(choices: type[StrEnum]) -> BeforeValidator:
    """Accept upper and lower case, and a hyphen for an underscore: people write both."""
    spellings = {choice.value.upper().replace("_", "-"): choice for choice in choices}

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        return spellings.get(value.upper().replace("_", "-"), value)

    return BeforeValidator(read)


def _duration_from_text(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _brokers_from_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _custom_config_from_text(value: object) -> object:
    return parse_custom_config(value) if isinstance(value, str) else value


def parse_custom_config(text: str) -> dict[str, str]:
    """Read ``key=value,key=value``; a comma or backslash inside a value has a backslash before it.

    Raises ValueError when a part has no ``=``, or a key stands twice.
    """
    if re.search(r"(?<!\\)(\\\\)*\\$", text):
        raise ValueError("the last backslash stands before nothing")
    parts = re.findall(r"(?:\\.|[^,\\])+", text, re.DOTALL)
    config: dict[str, str] = {}
    for part in filter(str.strip, parts):
        key, found, value = part.partition("=")
        key = key.strip()
        if not found:
            raise ValueError("a part has no '='")
        if key in config:
            raise ValueError("a key stands twice")
        config[key] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
    return config


def format_custom_config(config: Mapping[str, str]) -> str:
    """Write a custom config so that ``parse_custom_config`` reads the same one back."""
    return ",".join(key + "=" + re.sub(r"([,\\])", r"\\\1", value) for key, value in config.items())


Broker = Annotated[str, Field(min_length=3, max_length=261, pattern=BROKER_PATTERN)]
Topic = Annotated[str, Field(min_length=1, max_length=249, pattern=TOPIC_PATTERN)]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration_from_text),
    PlainSerializer(format_duration, return_type=str),
    Field(gt=timedelta(0), le=timedelta(minutes=15)),
]


@dataclass(frozen=True)
class Kafka:
    """A row's second half: the librdkafka property that it sets, and how its value is spelt there."""

    property: str
    spell: Callable[[Any], str] = str


@dataclass(frozen=True)
class Unit:
    """The unit of a row's value, in the plural: ``bytes``, ``milliseconds``."""

    name: str


def _spell_acks(acks: Acks) -> str:
    return {Acks.NONE: "0", Acks.ONE: "1", Acks.ALL: "all"}[acks]


def _spell_partitioner(partitioner: Partitioner) -> str:
    return partitioner.value.replace("-", "_")


class Options(BaseModel):
    """The 25 options of the specification. ``model_fields_set`` tells which of them their author set."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    brokers: Annotated[
        tuple[Broker, ...],
        BeforeValidator(_brokers_from_text),
        Field(
            min_length=1,
            max_length=64,
            description="Kafka brokers to ask first, host:port each; the others are learnt from them.",
        ),
        Kafka("bootstrap.servers", ",".join),
    ] = ("localhost:9092",)
    traces_topic: Annotated[Topic, Field(description="Topic that traces are written to.")] = "otlp_traces"
    metrics_topic: Annotated[Topic, Field(description="Topic that metrics are written to.")] = "otlp_metrics"
    logs_topic: Annotated[Topic, Field(description="Topic that logs are written to.")] = "otlp_logs"
    format: Annotated[
        Format,
        _any_case(Format),
        Field(description="Encoding of a record's value: OTLP protobuf, or OTLP/JSON."),
    ] = Format.PROTOBUF
    compression: Annotated[
        Compression,
        _any_case(Compression),
        Field(description="Compression of the batches that are sent to Kafka."),
        Kafka("compression.codec"),
    ] = Compression.NONE
    request_timeout: Annotated[
        Duration,
        Field(description="How long one OTLP call may wait for Kafka, from its arrival to the acknowledgement."),
    ] = timedelta(seconds=30)
    acks: Annotated[
        Acks,
        _any_case(Acks),
        Field(
            description="Acknowledgement that a call waits for: none, that of the partition's leader (one), or that "
            "of all in-sync replicas (all)."
        ),
        Kafka("request.required.acks", _spell_acks),
    ] = Acks.ONE
    client_id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=249,
            pattern=CLIENT_ID_PATTERN,
            description="Name under which the brokers see this client in their logs, quotas and metrics.",
        ),
        Kafka("client.id"),
    ] = "rotel"
    max_message_bytes: Annotated[
        int,
        Field(
            ge=1000,
            le=1_000_000_000,
            description="Largest record that is sent to Kafka, before compression, its headers included.",
        ),
        Unit("bytes"),
        Kafka("message.max.bytes"),
    ] = 1_000_000
    linger_ms: Annotated[
        int,
        Field(ge=0, le=900_000, description="How long a record waits for others that share its batch."),
        Unit("milliseconds"),
        Kafka("queue.buffering.max.ms"),
    ] = 5
    retries: Annotated[
        int,
        Field(ge=0, le=INT32_MAX, description="How often a batch that Kafka did not take is sent again."),
        Kafka("message.send.max.retries"),
    ] = INT32_MAX
    retry_backoff_ms: Annotated[
        int,
        Field(ge=1, le=300_000, description="Wait before the first retry; it doubles with each further one."),
        Unit("milliseconds"),
        Kafka("retry.backoff.ms"),
    ] = 100
    retry_backoff_max_ms: Annotated[
        int,
        Field(ge=1, le=300_000, description="Longest wait between two retries."),
        Unit("milliseconds"),
        Kafka("retry.backoff.max.ms"),
    ] = 1000
    message_timeout_ms: Annotated[
        int,
        Field(
            ge=0,
            le=INT32_MAX,
            description="How long a record may stay in the producer, retries included, before it is given up. "
            "0: for ever.",
        ),
        Unit("milliseconds"),
        Kafka("message.timeout.ms"),
    ] = 300_000
    request_timeout_ms: Annotated[
        int,
        Field(ge=1, le=900_000, description="How long a broker may take over one produce request."),
        Unit("milliseconds"),
        Kafka("request.timeout.ms"),
    ] = 30_000
    batch_size: Annotated[
        int,
        Field(ge=1, le=INT32_MAX, description="Largest batch of records of one partition."),
        Unit("bytes"),
        Kafka("batch.size"),
    ] = 1_000_000
    partitioner: Annotated[
        Partitioner,
        _any_case(Partitioner),
        Field(description="How a record's partition is chosen; those with -random spread records without a key."),
        Kafka("partitioner", _spell_partitioner),
    ] = Partitioner.CONSISTENT_RANDOM
    partition_metrics_by_resource_attributes: Annotated[
        bool, Field(description="Metrics of one resource go to one partition: the key is a hash of its attributes.")
    ] = False
    partition_logs_by_resource_attributes: Annotated[
        bool, Field(description="Logs of one resource go to one partition: the key is a hash of its attributes.")
    ] = False
    custom_config: Annotated[
        dict[Annotated[str, Field(pattern=PROPERTY_PATTERN, max_length=128)], Annotated[str, Field(max_length=4096)]],
        BeforeValidator(_custom_config_from_text),
        Field(
            max_length=128,
            description="Any further librdkafka producer property. Applied last: it overrides what the other options "
            "set, whichever of its names a property is spelt with.",
        ),
    ] = {}
    sasl_username: Annotated[
        str | None, Field(min_length=1, max_length=256, description="SASL user name."), Kafka("sasl.username")
    ] = None
    sasl_password: Annotated[
        SecretStr | None,
        Field(description="SASL password. Prefer the file password in the credentials folder."),
        Kafka("sasl.password", SecretStr.get_secret_value),
    ] = None
    sasl_mechanism: Annotated[
        SaslMechanism | None,
        _any_case(SaslMechanism),
        Field(description="SASL mechanism."),
        Kafka("sasl.mechanisms"),
    ] = None
    security_protocol: Annotated[
        SecurityProtocol,
        _any_case(SecurityProtocol),
        Field(description="Protocol spoken with the brokers: with or without TLS, with or without SASL."),
        Kafka("security.protocol"),
    ] = SecurityProtocol.PLAINTEXT


@dataclass(frozen=True)
class Row:
    """One option, in every form that it has.

    ``name`` is the snake-case attribute of ``Options``; ``allowed`` says in words which values it takes.
    """

    name: str
    description: str
    default: object
    unit: str | None
    kafka: Kafka | None
    choices: tuple[str, ...]
    allowed: str
    flag_prefix: str

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
    "request_timeout": "a duration such as 30s or 500ms, above 0 and at most 15m",
    "custom_config": "key=value, several separated by commas (a comma or backslash in a value is written with a "
    "backslash before it); a key is a librdkafka property name in lower case",
    "sasl_username": "1 to 256 characters",
    "sasl_password": "text",
    "otlp_grpc_endpoint": "host:port, or nothing to switch it off",
    "otlp_http_endpoint": "nothing: OTLP/HTTP comes with a later version, use OTLP/gRPC",
    "admin_endpoint": "host:port, or nothing to switch it off",
    "credentials_dir": "a folder that exists",
    "shutdown_timeout": "a duration such as 30s or 500ms, above 0 and at most 15m",
}


def _choices(annotation: Any) -> tuple[str, ...]:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, StrEnum):
            return tuple(choice.value for choice in candidate)
    return ()


def _limit(info: FieldInfo, name: str) -> Any:
    return next((getattr(entry, name) for entry in info.metadata if hasattr(entry, name)), None)


def _allowed(name: str, info: FieldInfo, unit: str | None) -> str:
    if name in _WORDS:
        return _WORDS[name]
    if choices := _choices(info.annotation):
        return "one of " + ", ".join(choices)
    if info.annotation is bool:
        return "true or false"
    if info.annotation is int:
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
        allowed=_allowed(name, info, unit),
        flag_prefix=flag_prefix,
    )


def rows(model: type[BaseModel], flag_prefix: str) -> Mapping[str, Row]:
    """The rows of an option model, by name, in the order of their definition."""
    return {name: _row(name, info, flag_prefix) for name, info in model.model_fields.items()}


ROWS = rows(Options, "--kafka-exporter-")
