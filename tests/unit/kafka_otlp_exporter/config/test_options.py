"""The option table against the specification's."""

import pytest
from pydantic import ValidationError

from kafka_otlp_exporter.config.options import ROWS, Options
from tests.unit.kafka_otlp_exporter import librdkafka
from tests.unit.kafka_otlp_exporter.config.specification import SPECIFICATION

OF_THE_SPECIFICATION = {name: row for row in ROWS.values() if (name := row.name.replace("_", "-")) in SPECIFICATION}
OURS = [row for row in ROWS.values() if row not in OF_THE_SPECIFICATION.values()]


def test_the_table_has_the_specifications_options():
    """There are 25 of them, in the specification's order, with its flags."""
    flags = [row.flag for row in OF_THE_SPECIFICATION.values()]
    assert flags == [f"--kafka-exporter-{name}" for name in SPECIFICATION]
    assert len(flags) == 25


def test_what_we_add_changes_nothing_until_it_is_set():
    """Each option of our own is off by default, or has librdkafka's own default."""
    theirs = {one.name: one.default for one in librdkafka.properties()}
    changing = [
        row.name
        for row in OURS
        if row.default not in (None, False, (), {}, "")
        and (row.kafka is None or row.kafka.spell(row.default) != theirs[row.kafka.property])
    ]
    assert changing == []


def test_each_default_and_each_choice_is_the_specifications():
    """Each default, as text, and each list of choices equals the specification's."""
    assert {name: (row.default_text, row.choices) for name, row in OF_THE_SPECIFICATION.items()} == SPECIFICATION


def test_options_cannot_be_changed_and_take_no_stranger():
    """A value that passed validation stays valid."""
    options = Options()
    with pytest.raises(ValidationError):
        options.linger_ms = 7  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Options(lingerms=7)  # type: ignore[call-arg]


def test_nothing_that_was_not_given_counts_as_set():
    """Defaults do not count as set."""
    assert Options(linger_ms=5).model_fields_set == {"linger_ms"}


def test_a_validation_error_does_not_hold_the_password():
    """Neither the error's text nor a repr of the options shows it."""
    with pytest.raises(ValidationError) as caught:
        Options(sasl_password="hunter2", linger_ms=-1)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(Options(sasl_password="hunter2"))
