"""The librdkafka properties that a resource may set, and what an administrator may add to them."""

import confluent_kafka
import pytest

from kafka_otlp_exporter.config.librdkafka import DOCUMENTED_IN, PROPERTIES
from kafka_otlp_operator.resource import permitted, refusals
from kafka_otlp_operator.resource.permitted import OF_THE_PLATFORM
from tests.unit.kafka_otlp_exporter import librdkafka


def test_every_property_of_the_installed_librdkafka_is_judged_once():
    """When a release of librdkafka adds or removes a property, this test fails."""
    assert confluent_kafka.libversion()[0] == DOCUMENTED_IN
    documented = {row.name for row in librdkafka.properties() if row.of_producers}
    refused = {name for name in documented if refusals.refusal(name)}
    assert len(documented) > 100
    assert documented - refused == PROPERTIES | OF_THE_PLATFORM.keys()
    assert not PROPERTIES & OF_THE_PLATFORM.keys()


def test_what_every_resource_may_set_is_not_refused():
    """Neither table refuses these properties."""
    refused = [name for name in PROPERTIES if permitted.refusal(name, ()) or refusals.refusal(name)]
    assert refused == []


def test_what_is_the_platforms_is_refused_until_it_allows_it():
    """The sentence has the reason and the setting that allows the property."""
    assert [name for name in OF_THE_PLATFORM if permitted.refusal(name, {"other", name})] == []
    assert {name: permitted.refusal(name, {"other"}) for name in OF_THE_PLATFORM} == {
        name: f"{name} is refused: {reason}; remove it, or ask the platform's administrator to allow it with the operator's "
        "KAFKA_OTLP_OPERATOR_ALLOWED_PROPERTIES."
        for name, reason in OF_THE_PLATFORM.items()
    }


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("linger.msec", "has no such producer property; did you mean linger.ms? Otherwise remove it, or ask"),
        ("a.property.of.tomorrow", "has no such producer property; remove it, or ask"),
        ("fetch.max.bytes", "has no such producer property"),
        ("ack", "did you mean acks?"),
    ],
)
def test_a_name_that_nobody_has_judged_is_refused(name: str, part: str):
    """The sentence suggests a similar name, if there is one; the administrator may allow the property."""
    assert part in str(permitted.refusal(name, ()))
    assert permitted.refusal(name, (name,)) is None


@pytest.mark.parametrize("name", ["plugin.library.paths", "oauth_cb", "test.mock.num.brokers", "sasl.password"])
def test_no_administrator_can_allow_what_is_refused_for_good(name: str):
    """These properties load code, hold credentials, or cause a false OK."""
    assert permitted.not_to_allow(("client.rack", name)) == f"{refusals.refusal(name)} No setting can allow it."
    assert permitted.not_to_allow(("client.rack", "a.property.of.tomorrow")) is None
