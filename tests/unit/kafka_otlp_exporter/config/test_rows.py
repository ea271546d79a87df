"""A row of an option table in all of its forms."""

import pytest

from kafka_otlp_exporter.config import options, settings
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
    """Flag, variable and field come by rule."""
    row = options.ROWS[name]
    assert (row.flag, row.variable, row.field) == (flag, variable, field)


def test_settings_have_flags_of_their_own_and_variables_of_the_same_family():
    """They are not Kafka's business, so their flags do not say so."""
    row = settings.ROWS["otlp_grpc_endpoint"]
    assert (row.flag, row.variable) == ("--otlp-grpc-endpoint", "KAFKA_EXPORTER_OTLP_GRPC_ENDPOINT")


@pytest.mark.parametrize("form", ["flag", "variable", "field"])
def test_no_two_rows_share_a_form(form: str):
    """Each flag, variable and field leads to one option."""
    forms = [getattr(row, form) for row in EVERY_ROW]
    assert len(set(forms)) == len(forms)


@pytest.mark.parametrize("row", EVERY_ROW, ids=lambda row: row.name)
def test_each_row_says_what_it_is_and_what_it_takes(row):
    """A description is a sentence; what is allowed is there for the error that quotes it."""
    assert row.description.endswith(".")
    assert row.description[0].isupper()
    assert row.allowed


def test_what_is_allowed_is_said_in_words():
    """Enum values by name, numbers by limits and unit."""
    allowed = {name: row.allowed for name, row in options.ROWS.items()}
    assert allowed["compression"] == "one of gzip, snappy, lz4, zstd, none"
    assert allowed["linger_ms"] == "a whole number from 0 to 900000 (milliseconds)"
    assert allowed["retries"] == "a whole number from 0 to 2147483647"
    assert allowed["partition_logs_by_resource_attributes"] == "true or false"
    assert allowed["traces_topic"].startswith("1 to 249 characters")


def test_choices_and_switches_are_told_from_the_type():
    """Also where None is allowed beside an enum's values."""
    assert options.ROWS["partitioner"].choices == tuple(Partitioner)
    assert options.ROWS["compression"].choices == tuple(Compression)
    assert options.ROWS["sasl_mechanism"].choices == ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
    assert options.ROWS["brokers"].choices == ()
    assert [row.name for row in EVERY_ROW if row.is_switch] == [
        "partition_metrics_by_resource_attributes",
        "partition_logs_by_resource_attributes",
        "partition_traces_by_trace_id",
        "partition_traces_by_resource_attributes",
        "partition_logs_by_trace_id",
    ]
