"""What is known of librdkafka's properties: the suggestion for a misspelt one, and numbers that it would misread."""

from __future__ import annotations

import pytest

from kafka_otlp_exporter.config.librdkafka import FLOATS, INTEGERS, PROPERTIES, misread, nearest


def test_a_misspelt_property_leads_to_the_one_that_was_meant():
    """A name that is like no property leads to none."""
    meant = {name: nearest(name) for name in ("lingr.ms", "ack", "linger.msec", "a.property.of.tomorrow")}
    assert meant == {"lingr.ms": "linger.ms", "ack": "acks", "linger.msec": "linger.ms", "a.property.of.tomorrow": None}


def test_a_property_is_nearest_to_itself():
    """Each name of the table is found."""
    assert {name: nearest(name) for name in PROPERTIES} == {name: name for name in PROPERTIES}


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("message.timeout.ms", "5m", "milliseconds; for 5m write 300000"),
        ("message.timeout.ms", "30s", "milliseconds; for 30s write 30000"),
        ("socket.timeout.ms", "1 h", "milliseconds; for 1 h write 3600000"),
        ("request.timeout.ms", "250ms", "milliseconds; for 250ms write 250"),
        ("queue.buffering.max.kbytes", "512MiB", "kilobytes; for 512MiB write 524288"),
        ("queue.buffering.max.kbytes", "10b", "kilobytes; for 10b write 1"),
        ("batch.size", "2MB", "bytes; for 2MB write 2000000"),
        ("message.max.bytes", "1Mi", "bytes; for 1Mi write 1048576"),
        ("message.timeout.ms", "5 fortnights", "milliseconds"),
        ("message.timeout.ms", "010", "milliseconds"),
        ("message.timeout.ms", "0x10", "milliseconds"),
        ("message.timeout.ms", "", "milliseconds"),
        ("message.timeout.ms", "\N{ARABIC-INDIC DIGIT FIVE}", "milliseconds"),
    ],
)
def test_a_number_that_librdkafka_would_misread_is_told(name: str, value: str, instead: str):
    """librdkafka ignores what follows the digits. The sentence has the value to write when it can tell."""
    assert misread(name, value) == f"{name} has to be a whole number in digits, without a unit: it counts {instead}"


def test_a_number_without_a_unit_of_its_own_is_told():
    """Counts have factors of thousand."""
    expected = "queue.buffering.max.messages has to be a whole number in digits, without a unit"
    assert misread("queue.buffering.max.messages", "10k") == f"{expected}; for 10k write 10000"
    assert misread("queue.buffering.max.messages", "hunter2") == expected
    assert misread("linger.ms", "5s") == (
        "linger.ms has to be a number in digits, without a unit: it counts milliseconds; for 5s write 5000"
    )


@pytest.mark.parametrize("name", ["acks", "request.required.acks"])
def test_kafka_knows_three_numbers_of_acknowledgements(name: str):
    """librdkafka would take up to 1000, and the brokers would refuse every record."""
    wrong = ["2", "-2", "0 or all", "one", "ALL ", ""]
    assert {value: misread(name, value) for value in wrong} == dict.fromkeys(wrong, f"{name} has to be 0, 1, -1 or all")
    assert [misread(name, value) for value in ("0", "1", "-1", "all")] == [None] * 4


def test_what_librdkafka_reads_as_it_stands_is_left_to_it():
    """It judges ranges and words itself."""
    fine = {"message.timeout.ms": "999999999999", "compression.level": "-1", "linger.ms": "0.5", "client.rack": "5m"}
    assert [name for name, value in fine.items() if misread(name, value)] == []
    assert not INTEGERS & FLOATS
