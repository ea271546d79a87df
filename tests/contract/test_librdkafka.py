"""The option table's facts about librdkafka, checked with the librdkafka that is installed."""

import logging
import socket
import threading
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as Client
from pydantic import ValidationError

from kafka_otlp_exporter.config import properties as made
from kafka_otlp_exporter.config.librdkafka import ALIASES, FLOATS, INTEGERS, canonical, misread
from kafka_otlp_exporter.config.options import ROWS, Options
from kafka_otlp_exporter.config.properties import REFUSED, Credentials, producer_properties, without_files
from kafka_otlp_exporter.kafka.producer import check
from kafka_otlp_exporter.records.making import Headers, Record, record_bytes
from tests.unit.kafka_otlp_exporter import librdkafka

KNOWN = {row.name: row for row in librdkafka.properties() if row.of_producers}
SILENT = logging.getLogger("tests.librdkafka")

SASL: dict[str, Any] = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_username": "edge",
    "sasl_password": "hunter2",
}


def limits() -> list[tuple[str, int, int]]:
    """Each row that is a number: its name, its minimum, its maximum."""
    return [(row.name, row.minimum, row.maximum) for row in ROWS.values() if row.type is int]


def checked(**given: Any) -> str | None:
    """The error of librdkafka for these options; None when it accepts them."""
    return check(without_files(producer_properties(Options(**given), Credentials())))


def test_the_table_of_properties_was_read():
    """The tests below would pass with an empty table."""
    assert len(KNOWN) > 100
    assert {"message.max.bytes", "acks", "client.id"} <= set(KNOWN)
    assert "group.id" not in KNOWN


def test_the_aliases_are_librdkafkas():
    """When a release adds an alias, this test fails: custom config would not override an option under the new name."""
    assert dict(ALIASES) == {row.name: row.alias_of for row in KNOWN.values() if row.alias_of}


def test_the_numbers_are_librdkafkas():
    """When a release adds a number, this test fails: a value with a unit would be misread in silence."""
    assert {row.name for row in KNOWN.values() if row.type == "integer"} == INTEGERS
    assert {row.name for row in KNOWN.values() if row.type == "float"} == FLOATS


def test_librdkafka_misreads_what_the_table_refuses():
    """librdkafka takes each of these values without a word. It refuses a wrong boolean or word itself."""
    misread_values = {
        "message.timeout.ms": "5m",
        "queue.buffering.max.messages": "10k",
        "acks": "0 or all",
        "linger.ms": "5s",
    }
    assert {name: check({name: value}) for name, value in misread_values.items()} == dict.fromkeys(misread_values)
    assert [name for name, value in misread_values.items() if misread(name, value) is None] == []
    assert all(check({name: "5m"}) for name in ("enable.idempotence", "socket.keepalive.enable", "compression.type"))


def test_each_property_that_is_named_exists():
    """Every property that we name exists in librdkafka."""
    named = {row.kafka.property for row in ROWS.values() if row.kafka}
    named |= {canonical(name) for name in named} | set(made._BUILT_IN)
    named |= {name for name in REFUSED if not name.startswith("test.mock.")}
    assert len(named) > 25
    assert named - KNOWN.keys() == set()


def test_the_hidden_properties_exist_although_no_table_has_them():
    """librdkafka accepts them, so that the exporter has to refuse them."""
    hidden = [name for name in REFUSED if name.startswith("test.mock.")]
    assert len(hidden) == 2
    assert {name: check({name: "1"}) for name in hidden} == dict.fromkeys(hidden)
    assert {name: check({name + "x": "1"}) for name in hidden} == {
        name: f'No such configuration property: "{name}x"' for name in hidden
    }


def test_defaults_are_accepted():
    """An exporter without any option starts."""
    assert checked() is None


def test_each_limit_is_accepted():
    """librdkafka accepts the minimum and the maximum of each number."""
    ends = [(name, value) for name, low, high in limits() for value in (low, high)]
    assert len(ends) > 10
    # A record may wait for others as long as a call may take, and no longer.
    assert {end: said for end in ends if (said := checked(request_timeout="15m", **dict([end])))} == {}


def test_what_lies_outside_is_refused_by_the_table():
    """The table refuses the numbers next to its limits."""
    outside = [(name, value) for name, low, high in limits() for value in (low - 1, high + 1)]
    assert [end for end in outside if is_taken(*end)] == []


def is_taken(name: str, value: int) -> bool:
    """Whether the table takes this value."""
    try:
        Options(**{name: value})
    except ValidationError:
        return False
    return True


def test_each_choice_is_accepted():
    """librdkafka accepts each choice as we spell it."""
    choices = [
        (name, choice)
        for name, row in ROWS.items()
        if row.kafka and not name.startswith(("sasl_", "security_"))
        for choice in row.choices
    ]
    assert len(choices) > 10
    assert {choice: said for choice in choices if (said := checked(**dict([choice])))} == {}


def test_each_security_is_accepted():
    """librdkafka accepts each pair of protocol and mechanism, with credentials where the protocol sends them."""
    refused = {}
    for protocol in ROWS["security_protocol"].choices:
        for mechanism in ROWS["sasl_mechanism"].choices:
            sasl = SASL | {"sasl_mechanism": mechanism} if protocol.startswith("SASL_") else {}
            if said := checked(**(sasl | {"security_protocol": protocol})):
                refused[protocol, mechanism] = said
    assert refused == {}


@pytest.mark.parametrize(
    "given",
    [
        {"brokers": ",".join(f"broker-{number}:9092" for number in range(64))},
        {"brokers": "[::1]:9092"},
        {"client_id": "x" * 249},
        SASL | {"sasl_username": "x" * 256},
        SASL | {"sasl_password": "a,b\\c=d é"},
        {"custom_config": {"enable.idempotence": "true", "max.in.flight.requests.per.connection": "1"}},
        {"custom_config": {"batch.size": "2000000"}, "batch_size": 500_000},
    ],
    ids=["64 brokers", "IPv6", "long client id", "long user", "odd password", "idempotence", "batch size"],
)
def test_texts_at_their_limits_and_the_specifications_examples_are_accepted(given: dict[str, Any]):
    """librdkafka accepts what our table accepts."""
    assert checked(**given) is None


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"no.such.property": "1"}, 'No such configuration property: "no.such.property"'),
        ({"lingr.ms": "1"}, 'No such configuration property: "lingr.ms"; did you mean linger.ms?'),
        ({"batch.num.messages": "abc"}, 'Invalid value for configuration property "batch.num.messages"'),
        ({"compression.codec": "brotli"}, 'Invalid value for configuration property "compression.codec"'),
        (
            {"linger.ms": "900001"},
            'Configuration property "queue.buffering.max.ms" value 900001 is outside allowed range 0..900000',
        ),
    ],
)
def test_check_says_what_is_wrong(properties: dict[str, str], sentence: str):
    """The sentence names the property."""
    assert (check(properties) or "").strip() == sentence


def test_two_values_that_do_not_fit_together_are_told():
    """Both values were set, so neither adapts, and librdkafka names them."""
    sentence = checked(linger_ms=200, message_timeout_ms=100)
    assert sentence is not None
    assert "message.timeout.ms" in sentence
    assert "linger.ms" in sentence


def test_a_check_without_brokers_reaches_for_none():
    """The check opens no connection, because the operator may not be able to reach the brokers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        options = Options(brokers=f"127.0.0.1:{listener.getsockname()[1]}")
        assert check(without_files(producer_properties(options, Credentials()))) is None
        with pytest.raises(TimeoutError):
            listener.accept()


def test_checks_leave_no_thread_and_no_file_behind():
    """The operator makes a check for every change of a resource."""
    checked()
    before = threading.active_count()
    for _ in range(20):
        checked()
        checked(custom_config={"no.such": "1"})
    assert threading.active_count() == before


@pytest.fixture(scope="module")
def producing():
    """A function that says whether librdkafka takes a record at a limit; nothing is ever sent."""
    clients: dict[int, Client] = {}

    def accepts(record: Record, limit: int) -> bool:
        if limit not in clients:
            clients[limit] = Client({"message.max.bytes": limit, "log_level": 0}, logger=SILENT)
        try:
            clients[limit].produce(record.topic, record.value, record.key, headers=record.headers)
        except KafkaException as error:
            assert error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
            return False
        clients[limit].purge()
        return True

    yield accepts
    for client in clients.values():
        client.purge()
        client.flush(5)


HEADERS: dict[str, Headers] = {
    "none": [],
    "ours": [("content-type", b"application/x-protobuf"), ("otlp.signal", b"metrics")],
    "empty": [("a", b"")],
    "null": [("a", None)],
    "63 and 64": [("a" * 63, b"b" * 64)],
    "64 and 63": [("a" * 64, b"b" * 63)],
    "three bytes of length": [("a", b"b" * 8192)],
    "two bytes of length": [("a", b"b" * 8191)],
    "letters of two bytes": [("é" * 32, b"")],
}


@pytest.mark.parametrize("key", [None, b"", b"k" * 16], ids=["no key", "empty key", "key"])
@pytest.mark.parametrize(
    ("limit", "headers"),
    [
        pytest.param(limit, headers, id=f"{limit}-{name}")
        for limit in (1000, 20_000, 1_000_000)
        for name, headers in HEADERS.items()
        if record_bytes(Record("t", b"k" * 16, b"", headers)) <= limit
    ],
)
def test_the_largest_record_that_fits_is_librdkafkas(producing: Any, limit: int, key: bytes | None, headers: Headers):
    """At ``record_bytes`` == message.max.bytes it is taken, with one byte more it is refused."""
    rest = record_bytes(Record("t", key, b"", headers))
    value = b"v" * (limit - rest)
    assert record_bytes(Record("t", key, value, headers)) == limit
    assert producing(Record("t", key, value, headers), limit)
    assert not producing(Record("t", key, value + b"v", headers), limit)
