"""A row of an option table in all of its forms."""

import re
from collections import Counter

import pytest

from kafka_otlp_exporter.config import options, settings
from kafka_otlp_exporter.config.rows import Row
from kafka_otlp_exporter.config.values import Compression, Partitioner

EVERY_ROW = [*options.ROWS.values(), *settings.ROWS.values()]


@pytest.mark.parametrize(
    ("name", "flag", "variable", "field"),
    [
        ("linger_ms", "--kafka-exporter-linger-ms", "KAFKA_EXPORTER_LINGER_MS", "lingerMs"),
        ("acks", "--kafka-exporter-acks", "KAFKA_EXPORTER_ACKS", "acks"),
        (
            "partition_logs_by_resource_attributes",
            "--kafka-exporter-partition-logs-by-resource-attributes",
            "KAFKA_EXPORTER_PARTITION_LOGS_BY_RESOURCE_ATTRIBUTES",
            "partitionLogsByResourceAttributes",
        ),
    ],
)
def test_one_name_makes_every_form(name: str, flag: str, variable: str, field: str):
    """Flag, variable and field follow from the name."""
    row = options.ROWS[name]
    assert (row.flag, row.variable, row.field) == (flag, variable, field)


def test_settings_have_flags_of_their_own_and_variables_of_the_same_family():
    """Their flags do not mention Kafka."""
    row = settings.ROWS["otlp_grpc_endpoint"]
    assert (row.flag, row.variable) == ("--otlp-grpc-endpoint", "KAFKA_EXPORTER_OTLP_GRPC_ENDPOINT")


def test_no_two_rows_share_a_form():
    """Each flag, variable and field leads to one option."""
    for form in ("flag", "variable", "field"):
        forms = [getattr(row, form) for row in EVERY_ROW]
        assert [name for name, count in Counter(forms).items() if count > 1] == []


def test_each_row_says_what_it_is_and_what_it_takes():
    """A description is a sentence; the words for values have no full stop, because other sentences quote them."""
    assert [row.name for row in EVERY_ROW if not re.fullmatch(r"[A-Z].*\.", row.description)] == []
    words = {row.name: (row.allowed, row.allowed_in_resource) for row in EVERY_ROW}
    assert [name for name, both in words.items() if not all(both) or any(said.endswith(".") for said in both)] == []


def test_what_may_hold_a_credential_is_secret():
    """User name, password, and the properties of librdkafka: no error and no status shows them."""
    assert [row.name for row in EVERY_ROW if row.secret] == ["custom_config", "sasl_username", "sasl_password"]


def test_what_is_allowed_is_said_in_words():
    """An enum has its values, a number its limits and unit."""
    allowed = {name: row.allowed for name, row in options.ROWS.items()}
    assert allowed["compression"] == "one of gzip, snappy, lz4, zstd, none"
    assert allowed["linger_ms"] == "a whole number from 0 to 899999 (milliseconds)"
    assert allowed["retries"] == "a whole number from 0 to 2147483647"
    assert allowed["partition_logs_by_resource_attributes"] == "true or false"
    assert allowed["traces_topic"].startswith("1 to 249 characters")


def test_choices_and_switches_are_told_from_the_type():
    """This also holds for a type that allows None."""
    assert options.ROWS["partitioner"].choices == tuple(Partitioner)
    assert options.ROWS["compression"].choices == tuple(Compression)
    assert options.ROWS["sasl_mechanism"].choices == ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
    assert options.ROWS["brokers"].choices == ()
    models = {**options.Options.model_fields, **settings.Settings.model_fields}
    assert [row.name for row in EVERY_ROW if row.is_switch] == [
        name for name, info in models.items() if info.annotation is bool
    ]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (options.ROWS["linger_ms"], "5"),
        (options.ROWS["request_timeout"], "30s"),
        (options.ROWS["brokers"], "localhost:9092"),
        (options.ROWS["partition_logs_by_trace_id"], "false"),
        (options.ROWS["custom_config"], ""),
        (options.ROWS["sasl_password"], ""),
        (settings.ROWS["workers"], "0"),
        (settings.ROWS["max_in_flight_bytes"], "an eighth of the control group's memory limit; 256 MiB without one"),
    ],
)
def test_a_default_is_said_as_a_person_writes_it(row: Row, text: str):
    """A computed default is described; a row without a default mentions none."""
    assert row.default_text == text
    said = row.explained("this")
    assert said == f"{row.description} Allowed: this." + (f" Default: {text}." if text else "")
    assert row.explained("this", with_default=False) == f"{row.description} Allowed: this."
