"""The option table: every option of the specification and those that we add to them, one typed row each.

From a row come, by one rule, its flag, its environment variable, its field of the custom resource, its schema and
its line of ``docs/options.md``. ``env`` reads and writes the textual forms, ``properties`` turns options into a
librdkafka configuration, the operator builds the resource from the same rows. Nothing here does I/O.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from kafka_otlp_exporter.config.rows import Kafka, Unit, rows
from kafka_otlp_exporter.config.values import (
    CLIENT_ID_PATTERN,
    PROPERTY_PATTERN,
    Acks,
    AttributeNames,
    Broker,
    Compression,
    Duration,
    Format,
    Partitioner,
    SaslMechanism,
    SecurityProtocol,
    Topic,
    any_case,
    brokers_from_text,
    custom_config_from_text,
)

INT32_MAX = 2_147_483_647


def _spell_acks(acks: Acks) -> str:
    return {Acks.NONE: "0", Acks.ONE: "1", Acks.ALL: "all"}[acks]


def _spell_partitioner(partitioner: Partitioner) -> str:
    return partitioner.value.replace("-", "_")


class Options(BaseModel):
    """The options: the specification's 25, in its order, and ours. ``model_fields_set`` tells which were set."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    brokers: Annotated[
        tuple[Broker, ...],
        BeforeValidator(brokers_from_text),
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
        any_case(Format),
        Field(description="Encoding of a record's value: OTLP protobuf, or OTLP/JSON."),
    ] = Format.PROTOBUF
    compression: Annotated[
        Compression,
        any_case(Compression),
        Field(description="Compression of the batches that are sent to Kafka."),
        Kafka("compression.codec"),
    ] = Compression.NONE
    request_timeout: Annotated[
        Duration,
        Field(description="How long one OTLP call may wait for Kafka, from its arrival to the acknowledgement."),
    ] = timedelta(seconds=30)
    acks: Annotated[
        Acks,
        any_case(Acks),
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
        any_case(Partitioner),
        Field(description="How a record's partition is chosen; those with -random spread records without a key."),
        Kafka("partitioner", _spell_partitioner),
    ] = Partitioner.CONSISTENT_RANDOM
    partition_metrics_by_resource_attributes: Annotated[
        bool, Field(description="Metrics of one resource go to one partition: the key is a hash of its attributes.")
    ] = False
    partition_logs_by_resource_attributes: Annotated[
        bool, Field(description="Logs of one resource go to one partition: the key is a hash of its attributes.")
    ] = False
    partition_traces_by_trace_id: Annotated[
        bool,
        Field(
            description="Spans of one trace go to one partition: the key is the trace id, 32 hexadecimal digits in lower "
            "case. A request with spans of several traces becomes one record for each of them."
        ),
    ] = False
    partition_traces_by_resource_attributes: Annotated[
        bool, Field(description="Traces of one resource go to one partition: the key is a hash of its attributes.")
    ] = False
    partition_logs_by_trace_id: Annotated[
        bool,
        Field(
            description="Log records of one trace go to one partition: the key is the trace id, 32 hexadecimal digits in "
            "lower case. Log records without a trace id have no key, and go to any partition."
        ),
    ] = False
    partition_key_attributes: Annotated[
        AttributeNames,
        Field(
            description="Names of resource attributes, such as service.name: what comes from resources with the same "
            "values of these goes to one partition, for every signal that has no partition option of its own. The key "
            "is a hash of those that a resource has; a resource that has none of them has no key."
        ),
    ] = ()
    custom_config: Annotated[
        dict[Annotated[str, Field(pattern=PROPERTY_PATTERN, max_length=128)], Annotated[str, Field(max_length=4096)]],
        BeforeValidator(custom_config_from_text),
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
        any_case(SaslMechanism),
        Field(description="SASL mechanism."),
        Kafka("sasl.mechanisms"),
    ] = None
    security_protocol: Annotated[
        SecurityProtocol,
        any_case(SecurityProtocol),
        Field(description="Protocol spoken with the brokers: with or without TLS, with or without SASL."),
        Kafka("security.protocol"),
    ] = SecurityProtocol.PLAINTEXT


ROWS = rows(Options, "--kafka-exporter-")
