"""The option table against the specification's."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from kafka_otlp_exporter.config.options import ROWS, Options

# The specification's table: option, default, and the values that it lists.
SPECIFICATION = {
    "brokers": ("localhost:9092", ()),
    "traces-topic": ("otlp_traces", ()),
    "metrics-topic": ("otlp_metrics", ()),
    "logs-topic": ("otlp_logs", ()),
    "format": ("protobuf", ("json", "protobuf")),
    "compression": ("none", ("gzip", "snappy", "lz4", "zstd", "none")),
    "request-timeout": ("30s", ()),
    "acks": ("one", ("none", "one", "all")),
    "client-id": ("rotel", ()),
    "max-message-bytes": ("1000000", ()),
    "linger-ms": ("5", ()),
    "retries": ("2147483647", ()),
    "retry-backoff-ms": ("100", ()),
    "retry-backoff-max-ms": ("1000", ()),
    "message-timeout-ms": ("300000", ()),
    "request-timeout-ms": ("30000", ()),
    "batch-size": ("1000000", ()),
    "partitioner": (
        "consistent-random",
        ("consistent", "consistent-random", "murmur2-random", "murmur2", "fnv1a", "fnv1a-random"),
    ),
    "partition-metrics-by-resource-attributes": ("false", ()),
    "partition-logs-by-resource-attributes": ("false", ()),
    "custom-config": ("", ()),
    "sasl-username": ("", ()),
    "sasl-password": ("", ()),
    "sasl-mechanism": ("", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
    "security-protocol": ("PLAINTEXT", ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")),
}


# What we add: the option and its default.
OURS = {
    "partition-traces-by-trace-id": False,
    "partition-traces-by-resource-attributes": False,
    "partition-logs-by-trace-id": False,
    "partition-key-attributes": (),
}
OF_THE_SPECIFICATION = {name: row for name, row in ROWS.items() if name.replace("_", "-") not in OURS}


def test_the_table_has_the_specifications_options():
    """25 of them, in its order, under its flags."""
    flags = [row.flag for row in OF_THE_SPECIFICATION.values()]
    assert flags == [f"--kafka-exporter-{name}" for name in SPECIFICATION]


def test_what_we_add_changes_nothing_until_it_is_set():
    """Each of our own options is off by default, and none has a name of the specification's."""
    assert {row.flag: row.default for name, row in ROWS.items() if name not in OF_THE_SPECIFICATION} == {
        f"--kafka-exporter-{name}": default for name, default in OURS.items()
    }


@pytest.mark.parametrize(("name", "row"), OF_THE_SPECIFICATION.items())
def test_each_default_is_the_specifications(name: str, row):
    """Written as text, a default is what the specification's table shows."""
    shown = {
        (): "",
        ("localhost:9092",): "localhost:9092",
        timedelta(seconds=30): "30s",
        False: "false",
        None: "",
    }
    default = getattr(Options(), name)
    text = "" if default == {} else shown.get(default, str(default)) if not isinstance(default, int) else None
    if text is None:
        text = str(default).lower()
    assert text == SPECIFICATION[name.replace("_", "-")][0]


@pytest.mark.parametrize(("name", "row"), OF_THE_SPECIFICATION.items())
def test_each_choice_is_the_specifications(name: str, row):
    """No value more and no value less."""
    assert row.choices == SPECIFICATION[name.replace("_", "-")][1]


def test_options_cannot_be_changed_and_take_no_stranger():
    """A value that passed validation stays valid."""
    options = Options()
    with pytest.raises(ValidationError):
        options.linger_ms = 7  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Options(lingerms=7)  # type: ignore[call-arg]


def test_nothing_that_was_not_given_counts_as_set():
    """The fields set are those of the author, defaults excluded."""
    assert Options(linger_ms=5).model_fields_set == {"linger_ms"}


def test_a_validation_error_does_not_hold_the_password():
    """Neither the error's text nor a repr of the options shows it."""
    with pytest.raises(ValidationError) as caught:
        Options(sasl_password="hunter2", linger_ms=-1)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(Options(sasl_password="hunter2"))
