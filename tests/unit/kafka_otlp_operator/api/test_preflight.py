"""The checks before the operator starts its work."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from kafka_otlp_operator.api import preflight
from kafka_otlp_operator.errors import Unavailable
from kafka_otlp_operator.settings import Settings
from tests.unit.kafka_otlp_operator.fake_cluster import FakeCluster


def without(*rights: tuple[str, str]) -> FakeCluster:
    """A cluster whose role lacks these verbs, each with its kind."""
    cluster = FakeCluster()
    cluster.forbids = lambda attributes: (attributes["verb"], attributes["resource"]) in rights
    return cluster


def test_nothing_is_missing():
    """With every right and the definition, no check says anything."""
    with capture_logs() as logged:
        assert [check(FakeCluster(), Settings()) for check in preflight.CHECKS] == [None, None]
    assert logged == []


@pytest.mark.parametrize(
    ("settings", "place"),
    [({}, "every namespace"), ({"namespaces": "team-a"}, "namespace 'team-a'")],
)
def test_a_needed_right_is_named(settings: Any, place: str):
    """The sentence has the verb, the kind and the place, and none of the rights that the operator can work without."""
    missing = preflight.missing_rights(without(("patch", "deployments"), ("create", "events")), Settings(**settings))
    assert missing == (
        f"the role of kafka-otlp-operator does not allow: patch deployments.apps in {place}; "
        "apply the role of this version again."
    )


def test_a_right_that_is_not_needed_is_logged():
    """The operator starts without it, and the log says what is missing."""
    with capture_logs() as logged:
        assert preflight.missing_rights(without(("create", "events")), Settings()) is None
    (entry,) = logged
    assert (entry["event"], entry["log_level"]) == ("not allowed", "warning")
    assert "create events in every namespace" in entry["reason"]


def test_a_right_on_the_lease_is_needed_only_with_an_election():
    """Without a namespace for the Lease nobody asks about it."""
    cluster = without(("update", "leases"))
    assert preflight.missing_rights(cluster, Settings()) is None
    missing = preflight.missing_rights(cluster, Settings(lease_namespace="kafka-otlp"))
    assert "update leases.coordination.k8s.io in namespace 'kafka-otlp'" in str(missing)


def test_a_definition_that_is_missing():
    """The sentence says what to apply."""
    cluster = FakeCluster()
    cluster.definition = iter([False, True])
    missing = preflight.missing_definition(cluster, Settings())
    assert missing == ("the API server does not serve kafkaotlpexporters.kafka-otlp.dev: apply its definition (crds/)")
    assert preflight.missing_definition(cluster, Settings()) is None


def test_an_error_of_the_api_server_is_the_sentence():
    """The operator waits with it, as with anything else that is missing."""
    cluster = FakeCluster()
    cluster.rights = iter([Unavailable("no answer")])
    cluster.definition = iter([Unavailable("no answer, either")])
    said = [check(cluster, Settings()) for check in preflight.CHECKS]
    assert said == ["no answer", "no answer, either"]
