"""The rules of a resource."""

import pytest

from kafka_otlp_exporter.config.options import ROWS
from kafka_otlp_operator.check import producer_configuration
from kafka_otlp_operator.resource import rules
from tests.unit.kafka_otlp_operator.resources import resource

OF_DURATIONS = [row.field for row in ROWS.values() if row.is_duration]
OF_OBJECTS = [rule for rule in rules.RULES if rule.path not in OF_DURATIONS]


def test_a_rule_holds_for_nothing_said():
    """An empty object breaks no rule except the one that requires a user name."""
    assert [rule.message for rule in OF_OBJECTS if not rule.holds({})] == [
        "exactly one of username and usernameSecretRef must be set."
    ]


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        (
            {"partitionTracesByTraceId": True, "partitionTracesByResourceAttributes": True},
            "partitionTracesByTraceId and",
        ),
        ({"partitionTracesByTraceId": True, "partitionTracesByResourceAttributes": False}, None),
        ({"partitionLogsByTraceId": True, "partitionLogsByResourceAttributes": True}, "partitionLogsByTraceId and"),
        ({"partitionLogsByTraceId": True, "partitionTracesByResourceAttributes": True}, None),
        (
            {
                "partitionTracesByResourceAttributes": True,
                "partitionMetricsByResourceAttributes": True,
                "partitionLogsByTraceId": True,
                "partitionKeyAttributes": ["service.name"],
            },
            "partitionKeyAttributes has no effect",
        ),
        (
            {
                "partitionTracesByResourceAttributes": True,
                "partitionLogsByTraceId": True,
                "partitionKeyAttributes": ["service.name"],
            },
            None,
        ),
        (
            {
                "partitionTracesByResourceAttributes": True,
                "partitionMetricsByResourceAttributes": True,
                "partitionLogsByTraceId": True,
                "partitionKeyAttributes": [],
            },
            None,
        ),
    ],
)
def test_a_record_has_one_key(spec, refused):
    """Key attributes that no signal uses are refused."""
    broken = [rule.message for rule in rules.RULES if not rule.path and not rule.holds(spec)]
    assert [message.startswith(str(refused)) for message in broken] == [True] * (refused is not None)


@pytest.mark.parametrize("spelling", ["true", "True", "tRuE", "t", "T", "1", 1, "false", "f", "0", 0, "yes", "on"])
def test_true_is_what_librdkafka_takes_for_it(spelling):
    """The rule recognizes the same spellings of true as the exporter."""
    custom = {"enable.idempotence": spelling}
    gives_way = "request.required.acks" not in producer_configuration(resource(customConfig=custom))
    (rule,) = (rule for rule in rules.RULES if "enable.idempotence" in rule.message)
    assert rule.holds({"acks": "one", "customConfig": custom}) != gives_way
    assert rule.holds({"acks": "all", "customConfig": custom})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("1ms", True),
        ("0.4ms", False),
        ("0.6ms", False),
        ("0.0005s", False),
        ("0.001s", True),
        ("15m", True),
        ("14m60s", True),
        ("15m0.4ms", False),
        ("0.25h", True),
    ],
)
def test_a_duration_is_taken_to_the_digit(text, holds):
    """The rule compares the exact value, like the API server, without rounding."""
    (rule,) = (rule for rule in rules.RULES if rule.path == "requestTimeout")
    assert rule.holds(text) == holds
