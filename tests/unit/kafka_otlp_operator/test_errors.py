"""The operator's errors as conditions."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from kafka_otlp_operator.errors import ApiError, OperatorError, SpecInvalid
from kafka_otlp_operator.status.events import PASSING

DEFINITION = Path(__file__).parents[3] / "crds" / "kafkaotlpexporters.yaml"


def kinds(above: type[OperatorError] = OperatorError) -> Iterator[type[OperatorError]]:
    """Every type of error."""
    for kind in above.__subclasses__():
        yield kind
        yield from kinds(kind)


def reasons() -> dict[str, str]:
    """The reason of each type that becomes a condition."""
    return {kind.__name__: kind.reason for kind in kinds() if issubclass(kind, SpecInvalid | ApiError)}


def test_every_reason_is_one_that_the_api_server_takes():
    """By the pattern of the shipped definition: a status with another reason would be refused as a whole."""
    (version,) = yaml.safe_load(DEFINITION.read_text())["spec"]["versions"]
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    pattern = status["properties"]["conditions"]["items"]["properties"]["reason"]["pattern"]
    assert [name for name, reason in reasons().items() if not re.fullmatch(pattern, reason)] == []
    assert len(reasons()) > 10


def test_every_error_is_worth_a_warning():
    """An error is no state that every resource passes through, so its Event is a warning."""
    assert set(reasons().values()) & PASSING == set()
