"""Options in every textual form that they have, and back."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from kafka_otlp_exporter.config import env
from kafka_otlp_exporter.config.librdkafka import ALIASES, canonical
from kafka_otlp_exporter.config.options import ROWS, Options
from kafka_otlp_exporter.config.properties import REFUSED, Credentials, producer_properties
from kafka_otlp_exporter.config.rows import Contradiction, Row
from kafka_otlp_exporter.config.values import milliseconds

# What an environment variable can hold: any text but NUL.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
ODD = st.text(st.sampled_from("a=,\\ \"'\t\n-é"), max_size=12)
WORDS = st.from_regex(r"[a-zA-Z0-9._-]{1,30}", fullmatch=True)
SCHEMAS = Options.model_json_schema()["properties"]


def _texts(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    """Texts that match this schema, many of them odd."""
    least, most, pattern = schema.get("minLength", 0), schema.get("maxLength", 256), schema.get("pattern")
    free = TEXT | ODD
    if pattern is None:
        return free.filter(lambda text: least <= len(text) <= most)
    matching = st.from_regex(pattern, fullmatch=True) | ODD.filter(lambda text: re.fullmatch(pattern, text))
    return matching.filter(lambda text: least <= len(text) <= most)


def _value(row: Row) -> st.SearchStrategy[Any]:
    """Every value that a row takes."""
    schema = SCHEMAS[row.name]
    schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    if row.choices:
        return st.sampled_from(row.choices)
    if row.is_switch:
        return st.booleans()
    if row.is_duration:
        whole = st.integers(milliseconds(row.minimum), milliseconds(row.maximum))
        return whole.map(lambda number: timedelta(milliseconds=number))
    if row.is_list:
        least = schema.get("minItems", 0)
        return st.lists(_texts(schema["items"]), min_size=least, max_size=least + 4, unique=True).map(tuple)
    if row.is_map:
        ((pattern, values),) = schema.get("patternProperties", {None: schema.get("additionalProperties")}).items()
        keys = {**schema.get("propertyNames", {}), "pattern": pattern}
        return st.dictionaries(_texts(keys), _texts(values), max_size=6)
    strategies: dict[type, Callable[[], st.SearchStrategy[Any]]] = {
        int: lambda: st.integers(row.minimum, row.maximum),
        str: lambda: _texts(schema),
        SecretStr: lambda: _texts(schema).map(SecretStr),
    }
    assert row.type in strategies, (
        f"{row.name}: these laws know no values of the type {row.type.__name__}; add them here"
    )
    return strategies[row.type]()


def flags_of(options: Options) -> list[str]:
    """Each option that was set as ``--flag=value``. argparse before Python 3.13 drops a value that is ``--`` alone."""
    texts = env.to_environment(options)
    assume("--" not in texts.values())
    return [f"{row.flag}={texts[row.variable]}" for row in ROWS.values() if row.variable in texts]


GIVEN = st.fixed_dictionaries({}, optional={name: _value(row) for name, row in ROWS.items()})


def test_the_strategy_has_every_row():
    """The laws cover every row."""
    assert set(Options.model_fields) == set(ROWS)


@given(GIVEN)
def test_options_to_environment_and_back_are_the_same(given: dict[str, Any]):
    """The values are the same, and the same options count as set."""
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
    """An option without flag and variable has its default."""
    read = env.parse(["start", *flags_of(Options(**flagged))], env.to_environment(Options(**environment))).options
    assert read == Options(**{**environment, **flagged})


@given(GIVEN, st.sampled_from(sorted(ROWS)), TEXT | ODD)
def test_a_wrong_value_is_one_line_and_tells_no_secret(given: dict[str, Any], name: str, text: str):
    """This holds whatever the other options are."""
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
    """Otherwise the options are refused, in one sentence without a secret."""
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
