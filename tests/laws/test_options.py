"""Options in every textual form that they have, and back."""

import re
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from kafka_otlp_exporter.config import env
from kafka_otlp_exporter.config.options import ROWS, Options
from kafka_otlp_exporter.config.properties import (
    ALIASES,
    REFUSED,
    Contradiction,
    Credentials,
    canonical,
    producer_properties,
)
from kafka_otlp_exporter.config.values import ATTRIBUTE_PATTERN, PROPERTY_PATTERN

# What an environment variable can hold: any text but NUL.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
ODD = st.text(st.sampled_from("a=,\\ \"'\t\n-é"), max_size=12)
WORDS = st.from_regex(r"[a-zA-Z0-9._-]{1,30}", fullmatch=True)

CUSTOM = st.dictionaries(
    st.sampled_from(["linger.ms", "a", "batch.size", "x.y_z0"])
    | st.from_regex(PROPERTY_PATTERN, fullmatch=True).map(lambda name: name[:128]),
    TEXT | ODD,
    max_size=6,
)
ATTRIBUTES = (
    st.sampled_from(["service.name", "a", ",", "\\", "a, b\\"])
    | ODD.filter(lambda name: re.fullmatch(ATTRIBUTE_PATTERN, name))
    | st.from_regex(ATTRIBUTE_PATTERN, fullmatch=True).filter(lambda name: len(name) <= 256)
)


def _value(name: str, info: Any) -> st.SearchStrategy[Any]:
    """Every value that a row takes."""
    row = ROWS[name]
    bounds = {key: getattr(entry, key) for entry in info.metadata for key in ("ge", "le") if hasattr(entry, key)}
    match name:
        case "brokers":
            hosts = st.sampled_from(["localhost", "kafka-0.kafka", "10.0.0.1", "[::1]", "a"])
            return st.lists(st.builds("{}:{}".format, hosts, st.integers(1, 65535)), min_size=1, max_size=5).map(tuple)
        case "request_timeout":
            return st.integers(1, 900_000).map(lambda number: timedelta(milliseconds=number))
        case "partition_key_attributes":
            return st.lists(ATTRIBUTES, max_size=5, unique=True).map(tuple)
        case "custom_config":
            return CUSTOM
        case "sasl_username":
            return (TEXT | ODD).filter(bool)
        case "sasl_password":
            return (TEXT | ODD).map(SecretStr)
    if row.choices:
        return st.sampled_from(row.choices)
    if row.is_switch:
        return st.booleans()
    return st.integers(bounds["ge"], bounds["le"]) if bounds else WORDS


def flags_of(options: Options) -> list[str]:
    """Each option that was set as ``--flag=value``. argparse before Python 3.13 drops a value that is ``--`` alone."""
    texts = env.to_environment(options)
    assume("--" not in texts.values())
    return [f"{row.flag}={texts[row.variable]}" for row in ROWS.values() if row.variable in texts]


GIVEN = st.fixed_dictionaries({}, optional={name: _value(name, info) for name, info in Options.model_fields.items()})


def test_the_strategy_has_every_row():
    """A law about some of the rows would be none."""
    assert set(Options.model_fields) == set(ROWS)


@given(GIVEN)
def test_options_to_environment_and_back_are_the_same(given: dict[str, Any]):
    """Values, and which of them were set."""
    options = Options(**given)
    read = env.from_environment(env.to_environment(options))
    assert read == options
    assert read.model_fields_set == options.model_fields_set == set(given)


@given(GIVEN)
def test_flags_are_read_like_variables(given: dict[str, Any]):
    """``--flag=value`` holds any text, a leading hyphen and spaces included."""
    options = Options(**given)
    read = env.parse(["start", *flags_of(options)], {}).options
    assert read == options
    assert read.model_fields_set == set(given)


@given(GIVEN, GIVEN)
def test_a_flag_wins_over_any_variable(flagged: dict[str, Any], environment: dict[str, Any]):
    """Row by row, and what neither has is the default."""
    read = env.parse(["start", *flags_of(Options(**flagged))], env.to_environment(Options(**environment))).options
    assert read == Options(**{**environment, **flagged})


@given(GIVEN, st.sampled_from(sorted(ROWS)), TEXT | ODD)
def test_a_wrong_value_is_one_line_and_tells_no_secret(given: dict[str, Any], name: str, text: str):
    """Whatever stands beside it."""
    texts = env.to_environment(Options(**given)) | {
        "KAFKA_EXPORTER_SASL_PASSWORD": "hunter2",
        "KAFKA_EXPORTER_CUSTOM_CONFIG": "ssl.key.password=hunter2",
        ROWS[name].variable: text,
    }
    try:
        env.from_environment(texts)
    except env.OptionError as error:
        assert str(error).startswith(f"{ROWS[name].variable}: ")
        assert "\n" not in str(error)
        assert "hunter2" not in str(error)


CREDENTIALS = st.builds(
    Credentials,
    username=st.none() | WORDS,
    password=st.none() | WORDS,
    ca=st.none() | st.just(PurePosixPath("/c/ca.crt")),
    certificate=st.none() | st.just(PurePosixPath("/c/tls.crt")),
    key=st.none() | st.just(PurePosixPath("/c/tls.key")),
)
NAMES = st.sampled_from(
    sorted({*ALIASES, *ALIASES.values(), *REFUSED, "enable.idempotence", "batch.size", "client.id"})
)


@given(GIVEN, CREDENTIALS, st.dictionaries(NAMES, ODD | st.sampled_from(["true", "all", "1", "500000"]), max_size=4))
def test_custom_config_wins_and_no_property_has_two_names(
    given: dict[str, Any], credentials: Credentials, custom: dict[str, str]
):
    """Or the options are refused, in one sentence without a secret."""
    options = Options(**{**given, "custom_config": custom})
    try:
        made = producer_properties(options, credentials)
    except Contradiction as refusal:
        assert str(refusal).endswith(".")
        assert "\n" not in str(refusal)
        return
    assert set(made) & set(ALIASES) == set()
    assert set(made) & set(REFUSED) == set()
    assert {canonical(name): value for name, value in custom.items()}.items() <= made.items()
    assert all(isinstance(value, str) for value in made.values())
