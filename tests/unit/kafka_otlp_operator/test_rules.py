"""The rules of a resource, and the properties that it must not set."""

import re
from collections import Counter
from pathlib import Path

import confluent_kafka
import pytest

from kafka_otlp_exporter.properties import ALIASES, REFUSED
from kafka_otlp_operator import rules

_SECRET_OR_FILE = re.compile(r"(password|passphrase|secret|\.pem|\.location|\.locations|\.file|\.paths|keytab|kinit)")


def test_a_property_is_refused_once():
    """No property has two answers."""
    assert max(Counter(name for refusal in rules.REFUSALS for name in refusal.names).values()) == 1


def test_what_the_exporter_refuses_is_refused_here():
    """The exporter's own refusals come with the exporter's own reasons."""
    assert {name: rules.INSTEAD[name] for name in REFUSED} == dict(REFUSED)


def test_both_names_of_a_property_are_refused():
    """A refused property is refused under its second name too."""
    assert {alias for alias, name in ALIASES.items() if (alias in rules.INSTEAD) != (name in rules.INSTEAD)} == set()


def test_every_secret_and_every_file_of_librdkafka_is_refused():
    """Whatever property of the installed librdkafka carries a secret or names a file is in the table."""
    package = Path(confluent_kafka.__file__).parent
    (library,) = (package.parent / "confluent_kafka.libs").glob("librdkafka-*")
    texts = {text.decode() for text in re.findall(rb"[a-z][a-z0-9._]{5,60}(?=\0)", library.read_bytes())}
    properties = {text for text in texts if re.match(r"(sasl|ssl|https|plugin)\.", text)}
    found = {text for text in properties if _SECRET_OR_FILE.search(text)}
    assert len(found) > 15
    assert found - rules.INSTEAD.keys() == set()


@pytest.mark.parametrize("refusal", rules.REFUSALS, ids=lambda refusal: refusal.names[0])
def test_a_refusal_says_what_to_do(refusal):
    """Each refusal names the field to use, or says to remove the property."""
    assert re.search(r"\buse (spec\.|enable\.)|remove it", refusal.instead)
    assert not refusal.instead.endswith(".")


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.message[:30])
def test_a_rule_holds_for_nothing_said(rule):
    """A part of a resource that says nothing breaks no rule, but the one that asks for a user name."""
    assert rule.holds({}) or rule.message.startswith("exactly one")
