"""The librdkafka properties that a person may set, and the suggestion for a misspelt one."""

from __future__ import annotations

from kafka_otlp_exporter.config.librdkafka import PROPERTIES, nearest


def test_a_misspelt_property_leads_to_the_one_that_was_meant():
    """A name that is like no property leads to none."""
    meant = {name: nearest(name) for name in ("lingr.ms", "ack", "linger.msec", "a.property.of.tomorrow")}
    assert meant == {"lingr.ms": "linger.ms", "ack": "acks", "linger.msec": "linger.ms", "a.property.of.tomorrow": None}


def test_a_property_is_nearest_to_itself():
    """Each name of the table is found."""
    assert {name: nearest(name) for name in PROPERTIES} == {name: name for name in PROPERTIES}
