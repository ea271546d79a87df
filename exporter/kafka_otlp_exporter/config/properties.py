"""Options and credentials to the configuration of a librdkafka producer. Pure.

Custom config is applied last and overrides the options, whichever of its names a property is spelt with. Settings that
contradict each other are refused; none of them is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from kafka_otlp_exporter.config import options as table
from kafka_otlp_exporter.config import timeouts
from kafka_otlp_exporter.config.librdkafka import canonical, misread
from kafka_otlp_exporter.config.options import Options, kafka_property
from kafka_otlp_exporter.config.rows import Contradiction, Spelling
from kafka_otlp_exporter.config.values import Acks

# No options of the specification, but an exporter in a cluster needs them; custom config may override them.
_BUILT_IN: Mapping[str, str] = {
    "enable.metrics.push": "false",  # by KIP-714 the client would send its telemetry to the brokers unasked
    "log.connection.close": "false",  # brokers close idle connections all the time
    "reconnect.backoff.max.ms": "2000",  # librdkafka's 10 s would delay records after every broker restart
    "socket.keepalive.enable": "true",
    "topic.metadata.refresh.interval.ms": "30000",  # librdkafka's 300 s would leave new partitions unused for minutes
    "topic.metadata.propagation.max.ms": "5000",  # librdkafka reports an unknown topic before requestTimeout, not after
}

# librdkafka's defaults of queue.buffering.max.messages and queue.buffering.max.kbytes.
QUEUE_RECORDS = 100_000
_QUEUE_KBYTES = 1_048_576

# How librdkafka spells true, in any case.
TRUE = ("true", "t", "1")

BROKERS = "metadata.broker.list"

_FALSE_OK = "with it a client would be told OK for telemetry that Kafka does not have; remove it"
_NO_ANSWER = "with it calls would never be answered; remove it"

# These properties would break the exporter's promise and are refused everywhere: librdkafka property to the reason.
REFUSED: Mapping[str, str] = {
    "delivery.report.only.error": _NO_ANSWER,
    "enable.gapless.guarantee": "it turns single failures into fatal ones; remove it",
    "enabled_events": _NO_ANSWER,
    "internal.termination.signal": "it may kill the process; remove it",
    "statistics.interval.ms": "the exporter sets it, because its readiness depends on the statistics; remove it",
    "test.mock.broker.rtt": _FALSE_OK,
    "test.mock.num.brokers": _FALSE_OK,
    "transactional.id": "the exporter's producer is not transactional; use enable.idempotence=true",
    "transaction.timeout.ms": "the exporter's producer is not transactional; remove it",
}

# The options that set the key of one signal; two of one signal exclude each other.
RIVAL_KEYS = (
    ("partition_traces_by_trace_id", "partition_traces_by_resource_attributes"),
    ("partition_logs_by_trace_id", "partition_logs_by_resource_attributes"),
)
OWN_KEYS = (*RIVAL_KEYS, ("partition_metrics_by_resource_attributes",))


@dataclass(frozen=True)
class Credentials:
    """The content of the credentials folder: two texts and three paths, each None without its file."""

    username: str | None = None
    password: str | None = None
    ca: PurePath | None = None
    certificate: PurePath | None = None
    key: PurePath | None = None

    def __repr__(self) -> str:
        """Without the texts, because a repr may end up in a log."""
        return f"Credentials(ca={self.ca}, certificate={self.certificate}, key={self.key})"


def producer_properties(
    options: Options, credentials: Credentials, spelling: Spelling = lambda row: row.flag
) -> dict[str, str]:
    """The librdkafka configuration of a producer, under canonical property names.

    ``spelling`` gives the name of a row where the options came from: a flag, or a field of the resource. Raises
    Contradiction when two settings contradict each other.
    """
    _one_key_each(options, spelling)
    custom = _custom(options, spelling)
    properties = dict(_BUILT_IN)
    for name, row in table.ROWS.items():
        value = getattr(options, name)
        if row.kafka is not None and value is not None:
            properties[canonical(row.kafka.property)] = row.kafka.spell(value)
    if options.security_protocol.uses_tls:
        # Certificates name hosts without the final dot of an absolute name (RFC 6125, section 6.4).
        names = properties[BROKERS].split(",")
        properties[BROKERS] = ",".join(name.replace(".:", ":") for name in names)
    properties.update(_security(options, credentials, spelling))
    for name in _give_way(options, custom, spelling):
        del properties[canonical(kafka_property(name))]
    properties.update(timeouts.within_the_request(options))
    properties.update(custom)
    timeouts.send_in_time(options, custom, properties, spelling)
    timeouts.keep_order(options, custom, properties)
    return properties


def without_files(properties: Mapping[str, str]) -> dict[str, str]:
    """The same configuration for a process that only checks it: without what opens a file or reaches a broker."""
    return {
        name: value
        for name, value in properties.items()
        if not name.endswith((".location", ".locations", ".paths", ".file")) and name != BROKERS
    }


def queue_limits(properties: Mapping[str, str]) -> tuple[int, int]:
    """How many bytes and how many records fit into the producer's queue, by configuration or librdkafka's defaults."""

    def limit(name: str, default: int) -> int:
        text = properties.get(name, "")
        # 0 records means no limit but memory.
        return int(text) if text.isdecimal() and int(text) > 0 else default

    kbytes, records = ("queue.buffering.max.kbytes", _QUEUE_KBYTES), ("queue.buffering.max.messages", QUEUE_RECORDS)
    return limit(*kbytes) * 1024, limit(*records)


def _one_key_each(options: Options, spelling: Spelling) -> None:
    """Refuse two keys for one record, and an option that has no effect."""
    for first, second in RIVAL_KEYS:
        if getattr(options, first) and getattr(options, second):
            raise Contradiction(
                f"{spelling(table.ROWS[first])} and {spelling(table.ROWS[second])} are both true, but a record has one "
                "key; keep one of them."
            )
    own = [name for names in OWN_KEYS for name in names if getattr(options, name)]
    if options.partition_key_attributes and len(own) == len(OWN_KEYS):
        raise Contradiction(
            f"{spelling(table.ROWS['partition_key_attributes'])} has no effect, because each signal has a partition "
            f"option of its own ({', '.join(spelling(table.ROWS[name]) for name in own)}); remove it, or one of them."
        )


def _custom(options: Options, spelling: Spelling) -> dict[str, str]:
    row = spelling(table.ROWS["custom_config"])
    spelt: dict[str, str] = {}
    for name in options.custom_config:
        if name in REFUSED:
            raise Contradiction(f"{row}: {name} is refused: {REFUSED[name]}.")
        if (first := spelt.setdefault(canonical(name), name)) != name:
            raise Contradiction(f"{row}: {first} and {name} are two names of one property; keep one of them.")
        if wrong := misread(name, options.custom_config[name]):
            raise Contradiction(f"{row}: {wrong}.")
    return {canonical(name): value for name, value in options.custom_config.items()}


def _security(options: Options, credentials: Credentials, spelling: Spelling) -> dict[str, str]:
    protocol = options.security_protocol
    named = spelling(table.ROWS["security_protocol"])
    password = options.sasl_password.get_secret_value() if options.sasl_password else None
    sasl = {
        "sasl_mechanism": options.sasl_mechanism,
        "sasl_username": _once("sasl_username", options.sasl_username, credentials.username, spelling),
        "sasl_password": _once("sasl_password", password, credentials.password, spelling),
    }
    missing = [spelling(table.ROWS[name]) for name, value in sasl.items() if value is None]
    present = [spelling(table.ROWS[name]) for name, value in sasl.items() if value is not None]
    if protocol.uses_sasl and missing:
        raise Contradiction(f"{named}: {protocol} needs {_and(missing)} too.")
    if not protocol.uses_sasl and present:
        raise Contradiction(
            f"{named}: {protocol} sends no credentials, but {_and(present)} {'is' if len(present) == 1 else 'are'} "
            "set; use SASL_SSL or SASL_PLAINTEXT, or remove what is set."
        )
    files = {
        "ssl.ca.location": ("ca.crt", credentials.ca),
        "ssl.certificate.location": ("tls.crt", credentials.certificate),
        "ssl.key.location": ("tls.key", credentials.key),
    }
    found = [file for file, path in files.values() if path is not None]
    if found and not protocol.uses_tls:
        raise Contradiction(
            f"{named}: {protocol} is not encrypted, but the credentials hold {_and(found)}; use SSL or SASL_SSL, or "
            "remove what is there."
        )
    if (credentials.certificate is None) != (credentials.key is None):
        raise Contradiction(f"the credentials hold {_and(found)}: tls.crt and tls.key go together.")
    values = {canonical(kafka_property(name)): str(value) for name, value in sasl.items() if value is not None}
    return values | {name: str(path) for name, (_, path) in files.items() if path is not None}


def _once(name: str, option: str | None, file: str | None, spelling: Spelling) -> str | None:
    if option is not None and file is not None:
        raise Contradiction(
            f"{spelling(table.ROWS[name])} and the file {name.removeprefix('sasl_')} in the credentials folder are "
            "both set; keep one of them."
        )
    return option if option is not None else file


def _give_way(options: Options, custom: Mapping[str, str], spelling: Spelling) -> list[str]:
    """The defaults that custom config contradicts, to be dropped. An option that was set and contradicts is an error."""
    if custom.get("enable.idempotence", "").lower() not in TRUE:
        return []
    contradicting = [
        name
        for name, contradicts in (("acks", options.acks is not Acks.ALL), ("retries", options.retries == 0))
        if contradicts and canonical(kafka_property(name)) not in custom
    ]
    for name in contradicting:
        if name in options.model_fields_set:
            row = table.ROWS[name]
            raise Contradiction(
                f"{spelling(row)}: {getattr(options, name)} contradicts enable.idempotence=true in "
                f"{spelling(table.ROWS['custom_config'])}; use {'all' if name == 'acks' else 'another number'}, or "
                "remove enable.idempotence."
            )
    return contradicting


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
