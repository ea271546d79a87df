"""The librdkafka properties that a resource must not set."""

import re
from collections import Counter
from pathlib import Path

import confluent_kafka
import pytest

from kafka_otlp_exporter.config.librdkafka import ALIASES
from kafka_otlp_exporter.config.properties import REFUSED
from kafka_otlp_operator.resource import refusals
from tests.unit.kafka_otlp_exporter import librdkafka

_SECRET_OR_FILE = re.compile(r"(password|passphrase|secret|\.pem|\.location|\.locations|\.file|\.paths|keytab|kinit)")


def test_a_property_is_refused_once():
    """No property stands in two refusals."""
    assert max(Counter(name for refusal in refusals.REFUSALS for name in refusal.names).values()) == 1


def test_what_the_exporter_refuses_is_refused_here():
    """The table has the exporter's own refusals, with the exporter's reasons."""
    assert {name: refusals.INSTEAD[name] for name in REFUSED} == dict(REFUSED)


def test_both_names_of_a_property_are_refused():
    """A refused property is refused under its second name too."""
    assert {
        alias for alias, name in ALIASES.items() if (alias in refusals.INSTEAD) != (name in refusals.INSTEAD)
    } == set()


def test_every_secret_and_every_file_of_librdkafka_is_refused():
    """The table has every property of the installed librdkafka that holds a secret or names a file."""
    package = Path(confluent_kafka.__file__).parent
    (library,) = (package.parent / "confluent_kafka.libs").glob("librdkafka-*")
    texts = {text.decode() for text in re.findall(rb"[a-z][a-z0-9._]{5,60}(?=\0)", library.read_bytes())}
    properties = {text for text in texts if re.match(r"(sasl|ssl|https|plugin)\.", text)}
    found = {text for text in properties if _SECRET_OR_FILE.search(text)}
    assert len(found) > 15
    assert found - refusals.INSTEAD.keys() == set()


def test_a_refusal_says_what_to_do():
    """Each refusal names the field to use, or says to remove the property; it has no full stop of its own."""
    said = [*(one.instead for one in refusals.REFUSALS), *(one.instead for one in refusals.FAMILIES)]
    assert [text for text in said if not re.search(r"\buse (spec\.|enable\.)|remove it", text)] == []
    assert [text for text in said if text.endswith(".")] == []


@pytest.mark.parametrize(
    "name",
    [
        "enable.ssl.certificate.verification",
        "ssl.endpoint.identification.algorithm",
        "ssl.cipher.suites",
        "topic.blacklist",
        "api.version.request",
        "broker.version.fallback",
        "debug",
        "log_level",
        "default.topic.config",
        "oauth_cb",
        "a_callback_of_tomorrow_cb",
        "group.id",
        "group.instance.id",
        "client.software.version",
        "opaque",
    ],
)
def test_what_weakens_the_connection_or_means_nothing_is_refused(name):
    """Properties that weaken TLS, the log or the protocol are refused, and those whose value cannot be a text."""
    assert str(refusals.refusal(name)).startswith(f"{name} is refused: ")


@pytest.mark.parametrize("name", ["linger.ms", "group", "groups.of", "client.rack", "cb", "compression.level"])
def test_the_harmless_rest_is_allowed(name):
    """A similar name does not belong to a family."""
    assert refusals.refusal(name) is None


@pytest.mark.parametrize("family", refusals.FAMILIES, ids=lambda family: family.example)
def test_a_family_is_told_as_one_property_is(family):
    """The example belongs to the family and to no other refusal, and its sentence says what to do."""
    assert refusals.refusal(family.example) == f"{family.example} is refused: {family.instead}."
    assert family.example not in refusals.INSTEAD
    assert bool(family.begins) != bool(family.ends)
    assert re.search(r"\buse spec\.|remove it", family.instead)


def test_every_callback_of_librdkafka_is_refused():
    """A callback as a property would crash the check or the exporter."""
    names = {row.name for row in librdkafka.properties() if row.name.endswith("_cb")}
    assert len(names) > 10
    assert [name for name in names if refusals.refusal(name) is None] == []
