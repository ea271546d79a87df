"""The option table: every option of the specification and those that we add to them, one typed row each. Pure.

From a row come, by one rule, its flag, its environment variable, its field of the custom resource, its schema, its
words for a wrong value and its table in ``docs/options.md``. No other place may repeat a fact of a row.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from kafka_otlp_exporter.config.marks import Kafka, ResourcePath, Secret, Unit
from kafka_otlp_exporter.config.rows import rows
from kafka_otlp_exporter.config.values import (
    Acks,
    AttributeNames,
    Brokers,
    Compression,
    Duration,
    Format,
    KafkaName,
    Partitioner,
    Password,
    Properties,
    SaslMechanism,
    SecurityProtocol,
    UserName,
    any_case,
)

INT32_MAX = 2_147_483_647


def _spell_acks(acks: Acks) -> str:
    return {Acks.NONE: "0", Acks.ONE: "1", Acks.ALL: "all"}[acks]


def _spell_partitioner(partitioner: Partitioner) -> str:
    return partitioner.value.replace("-", "_")


class Options(BaseModel):
    """The options: the specification's 25, in its order, and ours. ``model_fields_set`` has the names of those that were set."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    brokers: Annotated[
        Brokers,
        Field(
            description="Kafka brokers that the exporter asks first, host:port each; it learns of the others from them."
        ),
        Kafka("bootstrap.servers", ",".join),
    ] = ("localhost:9092",)
    traces_topic: Annotated[KafkaName, Field(description="Topic that traces are written to.")] = "otlp_traces"
    metrics_topic: Annotated[KafkaName, Field(description="Topic that metrics are written to.")] = "otlp_metrics"
    logs_topic: Annotated[KafkaName, Field(description="Topic that logs are written to.")] = "otlp_logs"
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
        Field(
            description="How long one OTLP call may wait for Kafka, from its arrival to the acknowledgement. The time limit "
            "of a single produce request is another option: request-timeout-ms (requestTimeoutMs)."
        ),
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
        KafkaName,
        Field(description="Name under which the brokers see this client in their logs, quotas and metrics."),
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
        Field(ge=0, le=899_999, description="How long a record waits for others to share a batch with."),
        Unit("milliseconds"),
        Kafka("queue.buffering.max.ms"),
    ] = 5
    retries: Annotated[
        int,
        Field(ge=0, le=INT32_MAX, description="How often the exporter sends a batch again that Kafka did not accept."),
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
            description="How long a record may stay in the producer, retries included, before the producer gives it up. "
            "0: no limit. An option that is not set gives way to request-timeout (requestTimeout), because the client sends "
            "again then.",
        ),
        Unit("milliseconds"),
        Kafka("message.timeout.ms"),
    ] = 300_000
    request_timeout_ms: Annotated[
        int,
        Field(
            ge=1,
            le=900_000,
            description="How long a broker may take to answer one produce request. The time limit of a whole OTLP call is "
            "another option: request-timeout (requestTimeout).",
        ),
        Unit("milliseconds"),
        Kafka("request.timeout.ms"),
    ] = 30_000
    batch_size: Annotated[
        int,
        Field(ge=1, le=INT32_MAX, description="Largest batch of records for one partition."),
        Unit("bytes"),
        Kafka("batch.size"),
    ] = 1_000_000
    partitioner: Annotated[
        Partitioner,
        any_case(Partitioner),
        Field(
            description="How a record's partition is chosen. Those with -random in their name spread records without a key."
        ),
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
            "case. A request with spans of several traces becomes one record for each trace."
        ),
    ] = False
    partition_traces_by_resource_attributes: Annotated[
        bool, Field(description="Traces of one resource go to one partition: the key is a hash of its attributes.")
    ] = False
    partition_logs_by_trace_id: Annotated[
        bool,
        Field(
            description="Log records of one trace go to one partition: the key is the trace id, 32 hexadecimal digits in "
            "lower case. Log records without a trace id have no key and may go to any partition."
        ),
    ] = False
    partition_key_attributes: Annotated[
        AttributeNames,
        Field(
            description="Names of resource attributes, such as service.name. Telemetry of resources with the same values of "
            "these attributes goes to one partition, for every signal that has no partition option of its own. The key is "
            "a hash of those attributes that a resource has; without any of them its records have no key."
        ),
    ] = ()
    custom_config: Annotated[
        Properties,
        Field(
            description="Any further librdkafka producer property. The exporter applies them last: they override what the "
            "other options set, whichever of its names a property is spelt with."
        ),
        Secret(),
    ] = {}
    sasl_username: Annotated[
        UserName | None,
        Field(description="SASL user name."),
        Kafka("sasl.username"),
        Secret(),
        ResourcePath("sasl.username"),
    ] = None
    sasl_password: Annotated[
        Password | None,
        Field(description="SASL password. Prefer the file password in the credentials folder."),
        Kafka("sasl.password", SecretStr.get_secret_value),
        ResourcePath("sasl.passwordSecretRef"),
    ] = None
    sasl_mechanism: Annotated[
        SaslMechanism | None,
        any_case(SaslMechanism),
        Field(description="SASL mechanism."),
        Kafka("sasl.mechanisms"),
        ResourcePath("sasl.mechanism"),
    ] = None
    security_protocol: Annotated[
        SecurityProtocol,
        any_case(SecurityProtocol),
        Field(description="Protocol spoken with the brokers: with or without TLS, with or without SASL."),
        Kafka("security.protocol"),
    ] = SecurityProtocol.PLAINTEXT


ROWS = rows(Options, "--kafka-exporter-")


def kafka_property(name: str) -> str:
    """The librdkafka property that an option sets. Raises LookupError for an option that sets none."""
    kafka = ROWS[name].kafka
    if kafka is None:
        raise LookupError(f"option {name} is not a librdkafka property")
    return kafka.property
