"""Values as text, and back."""

from datetime import timedelta
from pathlib import PurePosixPath

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from kafka_otlp_exporter.config.values import (
    AttributeNames,
    Broker,
    Compression,
    Duration,
    KafkaName,
    SecurityProtocol,
    any_case,
    brokers_from_text,
    custom_config_from_text,
    format_custom_config,
    format_duration,
    format_names,
    in_words,
    names_from_text,
    parse_custom_config,
    parse_duration,
    parse_names,
    written,
)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("30s", 30_000),
        ("500ms", 500),
        ("1m30s", 90_000),
        ("0.5s", 500),
        ("1.25s", 1250),
        ("15m", 900_000),
        ("0.25h", 900_000),
    ],
)
def test_a_duration_is_read_as_go_writes_it(text: str, milliseconds: int):
    """Units may follow one another, and amounts may have a fraction."""
    assert parse_duration(text) == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize(
    "text", ["", "30", "s", "30 s", "-1s", "1d", "1s ", "1.s", ".5s", "1e3s", "\u0661s", "30S", "1s\n"]
)
def test_what_is_no_duration_is_refused(text: str):
    """A number without a unit is refused, because it could mean seconds or milliseconds."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(("milliseconds", "text"), [(30_000, "30s"), (1500, "1500ms"), (1, "1ms"), (900_000, "900s")])
def test_a_duration_is_written_in_seconds_where_they_are_whole(milliseconds: int, text: str):
    """Any other duration is written in milliseconds."""
    assert format_duration(timedelta(milliseconds=milliseconds)) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(1, "1ms"), (1500, "1500ms"), (90_000, "90s"), (900_000, "15m"), (7_200_000, "2h")]
)
def test_a_duration_in_words_has_the_largest_whole_unit(milliseconds: int, text: str):
    """It can be read as a duration again."""
    assert in_words(timedelta(milliseconds=milliseconds)) == text
    assert parse_duration(text) == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (5, "5"),
        (Compression.GZIP, "gzip"),
        (timedelta(milliseconds=1500), "1500ms"),
        (("a,b", "c"), "a\\,b,c"),
        ((PurePosixPath("/a"), PurePosixPath("/b")), "/a,/b"),
        ({"a": "1,2"}, "a=1\\,2"),
        (SecretStr("hunter2"), "hunter2"),
        (PurePosixPath("/a"), "/a"),
    ],
)
def test_a_value_is_written_as_it_is_read(value: object, text: str):
    """Each kind of value has one text."""
    assert written(value) == text


@pytest.mark.parametrize(("text", "accepted"), [("1ms", True), ("15m", True), ("0s", False), ("15m1ms", False)])
def test_a_duration_is_above_nothing_and_at_most_fifteen_minutes(text: str, accepted: bool):
    """With zero every call would fail."""
    adapter = TypeAdapter[timedelta](Duration)
    if accepted:
        assert adapter.validate_python(text) == parse_duration(text)
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("", {}),
        (" , ", {}),
        ("a=1", {"a": "1"}),
        ("a=1,b=2", {"a": "1", "b": "2"}),
        (" a =1, b= 2 ", {"a": "1", "b": " 2 "}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        (r"a=1\,2,b=3", {"a": "1,2", "b": "3"}),
        (r"a=c:\\dir\\,b=3", {"a": "c:\\dir\\", "b": "3"}),
    ],
)
def test_custom_config_is_read_as_its_author_meant_it(text: str, config: dict[str, str]):
    """Keys are trimmed, values are not, and a comma after a backslash separates nothing."""
    assert parse_custom_config(text) == config


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("linger.ms", "no '='"),
        ("a=1,b", "no '='"),
        ("a=1,a=2", "twice"),
        ("a=1, a =1", "twice"),
        ("a=1\\", "backslash"),
        ("a=1\\\\\\", "backslash"),
    ],
)
def test_what_is_no_custom_config_is_refused(text: str, why: str):
    """The reader neither guesses nor drops a part."""
    with pytest.raises(ValueError, match=why):
        parse_custom_config(text)


def test_custom_config_is_written_with_its_commas_and_backslashes_escaped():
    """What is written is what a person would have typed."""
    assert format_custom_config({"a": "1,2", "b": "x\\y", "c": ""}) == r"a=1\,2,b=x\\y,c="


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        (" , ", ()),
        ("a", ("a",)),
        (" a , b c ,", ("a", "b c")),
        (r"a\,b,c", ("a,b", "c")),
        (r"a\\,b", ("a\\", "b")),
    ],
)
def test_names_are_read_as_their_author_meant_them(text: str, names: tuple[str, ...]):
    """Names are trimmed, empty names are skipped, and a comma after a backslash separates nothing."""
    assert parse_names(text) == names
    assert parse_names(format_names(names)) == names


def test_a_backslash_before_nothing_is_refused():
    """The escaped character is missing."""
    with pytest.raises(ValueError, match="backslash"):
        parse_names("a\\")


@pytest.mark.parametrize(
    "names", [("a", "b", "a"), ("",), (" a",), ("a ",), ("a\n",), ("a\0b",), ("x" * 257,), ("a",) * 33]
)
def test_attribute_names_are_few_and_printable_and_each_once(names: tuple[str, ...]):
    """Duplicates, control characters and outer spaces are refused."""
    with pytest.raises(ValidationError):
        TypeAdapter[tuple[str, ...]](AttributeNames).validate_python(names)


@pytest.mark.parametrize("reader", [brokers_from_text, custom_config_from_text, names_from_text])
def test_what_is_no_text_is_left_to_validation(reader):
    """A list or a map, as in the custom resource, stays as it is."""
    value = ["a:1"]
    assert reader(value) is value


def test_brokers_are_separated_by_commas_and_trimmed():
    """Spaces and a comma at the end are ignored."""
    assert brokers_from_text(" a:1, b:2 ,") == ("a:1", "b:2")


@pytest.mark.parametrize("broker", ["localhost:9092", "kafka-0.kafka.svc:9093", "10.0.0.1:1", "[::1]:9092", "a:1"])
def test_a_broker_is_a_host_and_a_port(broker: str):
    """The host is a name, an IPv4 address or an IPv6 address in brackets."""
    assert TypeAdapter[str](Broker).validate_python(broker) == broker


@pytest.mark.parametrize(
    "broker",
    [
        "localhost",
        ":9092",
        "localhost:",
        "a b:1",
        "ssl://a:1",
        "a:1\n",
        "a\nb:1",
        "-a:1",
        "a-:1",
        "a:123456",
        "::1:9092",
    ],
)
def test_what_is_no_broker_is_refused(broker: str):
    """A newline is refused too, because it would start a second line in a log."""
    with pytest.raises(ValidationError):
        TypeAdapter[str](Broker).validate_python(broker)


@pytest.mark.parametrize("topic", ["a" * 250, "", "a b", "a/b", "a\n", "é"])
def test_what_kafka_does_not_take_as_a_topic_is_refused(topic: str):
    """Kafka's own rule: at most 249 letters, digits, dots, underscores and hyphens."""
    with pytest.raises(ValidationError):
        TypeAdapter[str](KafkaName).validate_python(topic)


def test_any_case_leaves_what_it_does_not_know():
    """Validation then says what is allowed."""
    read = any_case(SecurityProtocol).func
    assert read("sasl-ssl") is SecurityProtocol.SASL_SSL  # type: ignore[call-arg]
    assert read("nonsense") == "nonsense"  # type: ignore[call-arg]
    assert any_case(Compression).func(7) == 7  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("protocol", "sasl", "tls"),
    [("PLAINTEXT", False, False), ("SSL", False, True), ("SASL_PLAINTEXT", True, False), ("SASL_SSL", True, True)],
)
def test_a_protocol_knows_what_it_uses(protocol: str, sasl: bool, tls: bool):
    """A protocol uses SASL, TLS, both or none."""
    assert (SecurityProtocol(protocol).uses_sasl, SecurityProtocol(protocol).uses_tls) == (sasl, tls)
