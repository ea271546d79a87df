"""Flags and environment variables to options, and the sentences about wrong ones."""

import json
import re
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from kafka_otlp_exporter.config import env, options, settings
from kafka_otlp_exporter.config.env import Configuration, OptionError
from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.rows import Row
from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.config.values import Acks, Compression, Partitioner, SaslMechanism, SecurityProtocol

# A wrong value that looks almost right. For a row that is missing here the test derives one from the type.
WRONG = {
    "brokers": "localhost",
    "traces_topic": "a b",
    "metrics_topic": "",
    "logs_topic": "x" * 250,
    "format": "avro",
    "compression": "brotli",
    "request_timeout": "30",
    "acks": "two",
    "client_id": "my client",
    "max_message_bytes": "999",
    "linger_ms": "900001",
    "retries": "-1",
    "retry_backoff_ms": "0",
    "retry_backoff_max_ms": "300001",
    "message_timeout_ms": "2147483648",
    "request_timeout_ms": "30s",
    "batch_size": "1.5",
    "partitioner": "round-robin",
    "partition_metrics_by_resource_attributes": "perhaps",
    "partition_logs_by_resource_attributes": "",
    "partition_traces_by_trace_id": "2",
    "partition_traces_by_resource_attributes": "service.name",
    "partition_logs_by_trace_id": "maybe",
    "partition_key_attributes": "service.name,service.name",
    "custom_config": "linger.ms",
    "sasl_username": "",
    "sasl_mechanism": "GSSAPI",
    "security_protocol": "TLS",
    "otlp_grpc_endpoint": "4317",
    "otlp_http_endpoint": "4318",
    "admin_endpoint": "http://localhost:9464",
    "otlp_grpc_max_request_bytes": "65535",
    "otlp_http_max_request_bytes": "67108865",
    "max_in_flight_bytes": "4194303",
    "workers": "257",
    "shutdown_timeout": "16m",
}
ROWS = {**options.ROWS, **settings.ROWS}


def parse(*flags: str, **environment: str) -> Configuration:
    """The configuration of ``start`` with these flags and variables."""
    return env.parse(["start", *flags], environment)


def wrong_value(row: Row) -> str | None:
    """A text that this row refuses; None when it accepts every text."""
    if row.name in WRONG:
        return WRONG[row.name]
    if row.type in (int, bool, timedelta) or row.choices:
        return "nonsense"
    model = Options if row.name in Options.model_fields else Settings
    (kind, *_) = get_args(model.model_fields[row.name].annotation) if row.is_list else [row.type]
    return None if kind in (Path, SecretStr) else "\n"


def test_a_wrong_value_is_a_sentence():
    """The sentence names the flag or the variable, the value unless it is secret, and the allowed values."""
    asked = {row.name: wrong for row in ROWS.values() if (wrong := wrong_value(row)) is not None}
    assert WRONG.keys() <= asked.keys()
    unlike = []
    for name, value in asked.items():
        row = ROWS[name]
        shown = "its value" if row.secret else json.dumps(value)
        for spelt, flags, variables in (
            (row.flag, [f"{row.flag}={value}"], {}),
            (row.variable, [], {row.variable: value}),
        ):
            expected = f"{spelt}: {shown} is not allowed; allowed: {row.allowed}."
            if (said := refusal(flags, variables)) != expected or "\n" in said:
                unlike.append((said, expected))
    assert unlike == []


def refusal(flags: list[str], variables: dict[str, str]) -> str:
    """The sentence that refuses these flags and variables; empty when they are accepted."""
    try:
        env.parse(["start", *flags], variables)
    except OptionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "text", ["sasl.password=hunter2,sasl.password=hunter2", "Sasl.Password=hunter2", "hunter2", "a=hunter2\\"]
)
def test_a_wrong_custom_config_is_not_shown(text: str):
    """The value may hold a password, so the sentence names only the option and the allowed values."""
    with pytest.raises(OptionError) as caught:
        parse(f"--kafka-exporter-custom-config={text}")
    assert str(caught.value).startswith("--kafka-exporter-custom-config: its value is not allowed; allowed: key=value")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_another_options_error_does_not_show_the_password():
    """The sentence about one option has no value of another option."""
    with pytest.raises(OptionError) as caught:
        parse("--kafka-exporter-sasl-password=hunter2", "--kafka-exporter-linger-ms=x")
    assert "hunter2" not in str(caught.value)


def test_a_value_is_shown_on_one_line():
    """A newline in the value does not break the sentence."""
    with pytest.raises(OptionError, match=r'"a\\nb"') as caught:
        parse("--kafka-exporter-logs-topic=a\nb")
    assert "\n" not in str(caught.value)


def test_a_flag_goes_before_a_variable_and_a_variable_before_the_default():
    """The flag is used first, then the variable, then the default."""
    variables = {"KAFKA_EXPORTER_LINGER_MS": "7", "KAFKA_EXPORTER_RETRIES": "3"}
    read = parse("--kafka-exporter-linger-ms=9", **variables).options
    assert (read.linger_ms, read.retries, read.batch_size) == (9, 3, 1_000_000)
    assert read.model_fields_set == {"linger_ms", "retries"}


def test_a_wrong_variable_does_no_harm_under_a_right_flag():
    """The parser checks only the value that is used."""
    assert parse("--kafka-exporter-linger-ms=9", KAFKA_EXPORTER_LINGER_MS="x").options.linger_ms == 9


@pytest.mark.parametrize(
    ("text", "flag", "value"),
    [
        ("SCRAM-SHA-512", "sasl-mechanism", SaslMechanism.SCRAM_SHA_512),
        ("scram-sha-512", "sasl-mechanism", SaslMechanism.SCRAM_SHA_512),
        ("scram_sha_256", "sasl-mechanism", SaslMechanism.SCRAM_SHA_256),
        ("plain", "sasl-mechanism", SaslMechanism.PLAIN),
        ("SASL_SSL", "security-protocol", SecurityProtocol.SASL_SSL),
        ("sasl-ssl", "security-protocol", SecurityProtocol.SASL_SSL),
        ("plaintext", "security-protocol", SecurityProtocol.PLAINTEXT),
        ("GZIP", "compression", Compression.GZIP),
        ("Zstd", "compression", Compression.ZSTD),
        ("ALL", "acks", Acks.ALL),
        ("None", "acks", Acks.NONE),
        ("murmur2_random", "partitioner", Partitioner.MURMUR2_RANDOM),
        ("MURMUR2-RANDOM", "partitioner", Partitioner.MURMUR2_RANDOM),
    ],
)
def test_enum_values_are_read_in_upper_and_lower_case(text: str, flag: str, value: object):
    """The specification writes both cases; an underscore for a hyphen is accepted too."""
    read = parse(f"--kafka-exporter-{flag}", text).options
    assert getattr(read, flag.replace("-", "_")) is value


@pytest.mark.parametrize("text", ["1", "-1", "0", "most"])
def test_acks_are_words(text: str):
    """The numbers of librdkafka are accepted only in custom config."""
    with pytest.raises(OptionError, match="one of none, one, all"):
        parse(f"--kafka-exporter-acks={text}")


@pytest.mark.parametrize(("flags", "on"), [((), False), (("",), True), (("=true",), True), (("=false",), False)])
def test_a_switch_is_on_with_its_bare_flag(flags: tuple[str, ...], on: bool):
    """The flag also accepts a value, so that it can override a variable."""
    name = "--kafka-exporter-partition-logs-by-resource-attributes"
    read = parse(*(name + flag for flag in flags)).options
    assert read.partition_logs_by_resource_attributes is on


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("service.name", ("service.name",)),
        (" service.name, k8s.namespace.name ,", ("service.name", "k8s.namespace.name")),
        (r"a\,b,c\\d", ("a,b", "c\\d")),
        ("", ()),
    ],
)
def test_attribute_names_are_separated_by_commas(text: str, names: tuple[str, ...]):
    """A comma or backslash inside a name has a backslash before it."""
    assert parse(f"--kafka-exporter-partition-key-attributes={text}").options.partition_key_attributes == names


@pytest.mark.parametrize("text", ["a\\", "a\nb", "x" * 257, ",".join(map(str, range(33)))])
def test_wrong_attribute_names_are_refused(text: str):
    """Names with an incomplete escape, too long or too many names, and names with control characters are refused."""
    with pytest.raises(OptionError, match=r"partition-key-attributes: .* is not allowed; allowed: attribute names"):
        parse(f"--kafka-exporter-partition-key-attributes={text}")


def test_the_specifications_command_lines_are_read_word_for_word():
    """Only the name of the program differs."""
    secure = env.parse(
        [
            *("start", "--exporter", "kafka"),
            *("--kafka-exporter-brokers", "broker1:9092,broker2:9092"),
            *("--kafka-exporter-sasl-username", "your-username"),
            *("--kafka-exporter-sasl-password", "your-password"),
            *("--kafka-exporter-sasl-mechanism", "SCRAM-SHA-256"),
            *("--kafka-exporter-security-protocol", "SASL_SSL"),
            *("--kafka-exporter-compression", "gzip"),
            *("--kafka-exporter-acks", "all"),
        ],
        {},
    ).options
    assert secure.brokers == ("broker1:9092", "broker2:9092")
    assert secure.security_protocol is SecurityProtocol.SASL_SSL
    custom = parse(
        *("--exporter", "kafka"),
        *("--kafka-exporter-custom-config", "enable.idempotence=true,max.in.flight.requests.per.connection=1"),
        *("--kafka-exporter-brokers", "broker1:9092,broker2:9092"),
    ).options
    assert custom.custom_config == {"enable.idempotence": "true", "max.in.flight.requests.per.connection": "1"}


def test_settings_are_read_by_the_same_rules():
    """A flag overrides a variable, and a variable overrides the default."""
    read = parse("--shutdown-timeout=5s", KAFKA_EXPORTER_CREDENTIALS_DIR="/etc/kafka", KAFKA_EXPORTER_ADMIN_ENDPOINT="")
    assert read.settings.shutdown_timeout == timedelta(seconds=5)
    assert read.settings.credentials_dir == Path("/etc/kafka")
    assert read.settings.admin_endpoint == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "required: start"),
        (["stop"], "invalid choice: 'stop'"),
        (["start", "--exporter", "otlp"], "invalid choice: 'otlp'"),
        (["start", "--no-such"], "--no-such is not an option"),
        (["start", "--kafka-exporter-linger-ms"], "--kafka-exporter-linger-ms: expected one argument"),
        (["start", "surplus"], "an argument belongs to no option"),
    ],
)
def test_a_wrong_command_line_is_a_sentence_that_leads_to_the_help(arguments: list[str], sentence: str):
    """The parser prints no usage text and does not exit; the caller decides."""
    with pytest.raises(OptionError, match=re.escape(sentence)) as caught:
        env.parse(arguments, {})
    assert str(caught.value).endswith("; see kafka-otlp-exporter start --help.")
    assert "\n" not in str(caught.value)


def test_a_flag_is_never_taken_for_a_longer_one():
    """An abbreviation would become ambiguous when a new option is added."""
    with pytest.raises(
        OptionError, match=r"--kafka-exporter-linger is not an option; did you mean --kafka-exporter-linger-ms\?"
    ):
        parse("--kafka-exporter-linger=5")


def test_the_value_of_a_mistyped_flag_is_not_shown():
    """The value may be a password."""
    with pytest.raises(OptionError, match="did you mean --kafka-exporter-sasl-password") as caught:
        parse("--kafka-exporter-sasl-passwor=hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["99999999999999999h", "9" * 400 + "h", "0.4ms"])
def test_a_duration_beyond_all_bounds_is_refused(text: str):
    """The sentence is the same as for every wrong value."""
    with pytest.raises(OptionError, match="--kafka-exporter-request-timeout"):
        parse(f"--kafka-exporter-request-timeout={text}")


@pytest.mark.parametrize(
    "flag",
    ["--admin-endpoint=127.0.0.1:65536", "--otlp-grpc-endpoint=127.0.0.1:99999", "--kafka-exporter-brokers=a:65536"],
)
def test_a_port_ends_at_65535(flag: str):
    """A larger number would silently become another port."""
    with pytest.raises(OptionError, match="is not allowed"):
        parse(flag)


def test_an_empty_credentials_folder_is_none():
    """An empty text does not mean the working directory of the process."""
    assert env.parse(["start"], {"KAFKA_EXPORTER_CREDENTIALS_DIR": ""}).settings.credentials_dir is None


def test_help_names_every_option(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """The help has the allowed values and the default of each option."""
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit) as caught:
        parse("--help")
    shown = capsys.readouterr().out
    assert caught.value.code == 0
    assert [row.flag for row in ROWS.values() if f"{row.flag} " not in shown] == []
    assert "Allowed: a whole number from 0 to 899999 (milliseconds). Default: 5." in shown


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]):
    """The program exits with 0, and its help names the flag."""
    for arguments in (["--version"], ["--help"]):
        with pytest.raises(SystemExit) as caught:
            env.parse(arguments, {})
        assert caught.value.code == 0
    told, _, shown = capsys.readouterr().out.partition("\n")
    assert told == f"kafka-otlp-exporter {version('kafka-otlp')}"
    assert "--version" in shown


@pytest.mark.parametrize(
    ("name", "other"), [("request_timeout", "request_timeout_ms"), ("request_timeout_ms", "request_timeout")]
)
def test_the_two_timeouts_of_a_request_name_each_other(name: str, other: str):
    """The description names the other timeout as a flag and as a field, so that people do not confuse them."""
    row = options.ROWS[other]
    assert f"{other.replace('_', '-')} ({row.field})" in options.ROWS[name].description


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("KAFKA_EXPORTER_LINGER", "KAFKA_EXPORTER_LINGER_MS"),
        ("KAFKA_EXPORTER_BROKER", "KAFKA_EXPORTER_BROKERS"),
        ("KAFKA_EXPORTER_SASL_PASWORD", "KAFKA_EXPORTER_SASL_PASSWORD"),
        ("KAFKA_EXPORTER_GRPC_ENDPOINT", "KAFKA_EXPORTER_OTLP_GRPC_ENDPOINT"),
    ],
)
def test_an_unknown_variable_is_warned_of_with_the_name_that_was_meant(name: str, near: str):
    """The warning never has the value, which may be a password under a wrong name."""
    assert parse(**{name: "hunter2"}).warnings == (
        f"environment variable {name} is not an option of this exporter and has no effect; did you mean {near}?",
    )


def test_an_unknown_variable_that_is_like_nothing_is_warned_of_all_the_same():
    """The warning then suggests no other name."""
    assert parse(KAFKA_EXPORTER_ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ="1").warnings == (
        "environment variable KAFKA_EXPORTER_ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ is not an option of this exporter and has no effect.",
    )


@pytest.mark.parametrize(
    "name",
    [
        "KAFKA_EXPORTER_SERVICE_HOST",
        "KAFKA_EXPORTER_SERVICE_PORT",
        "KAFKA_EXPORTER_SERVICE_PORT_OTLP_GRPC",
        "KAFKA_EXPORTER_PORT",
        "KAFKA_EXPORTER_PORT_4317_TCP",
        "KAFKA_EXPORTER_PORT_4317_TCP_PROTO",
        "KAFKA_EXPORTER_PORT_4317_TCP_PORT",
        "KAFKA_EXPORTER_PORT_4317_TCP_ADDR",
        "KAFKA_EXPORTER_EDGE_SERVICE_HOST",
        "KAFKA_EXPORTER_EDGE_PORT_53_UDP",
        "KAFKA_EXPORT",
        "PATH",
    ],
)
def test_what_kubernetes_and_others_put_there_is_not_warned_of(name: str):
    """A Service called kafka-exporter causes no warning."""
    assert parse(**{name: "tcp://10.0.0.1:4317"}).warnings == ()


def test_a_password_on_the_command_line_is_warned_of():
    """The warning says what to use instead, and does not repeat the password."""
    (warning,) = parse("--kafka-exporter-sasl-password=hunter2").warnings
    assert warning.startswith("--kafka-exporter-sasl-password is visible to every user of this machine; use")
    assert "hunter2" not in warning
    assert parse(KAFKA_EXPORTER_SASL_PASSWORD="hunter2").warnings == ()


def test_only_what_was_set_becomes_environment():
    """Otherwise a later change of a default would not reach users who did not set the option."""
    assert env.to_environment(options.Options()) == {}
    assert env.to_environment(options.Options(linger_ms=5, request_timeout=timedelta(seconds=30))) == {
        "KAFKA_EXPORTER_REQUEST_TIMEOUT": "30s",
        "KAFKA_EXPORTER_LINGER_MS": "5",
    }
