"""The table of rights, and the shipped roles."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kafka_otlp_operator.api.access import (
    RIGHTS,
    RIGHTS_OF_A_CANDIDATE,
    RIGHTS_OF_THE_CLUSTER,
    Right,
    questions,
    sentence,
)
from tests.unit.kafka_otlp_operator.roles import Granted, granted, table

ROOT = Path(__file__).parents[4]


def shipped(kind: str, name: str) -> Granted:
    """The rights that a role of deploy/install.yaml grants."""
    documents = yaml.safe_load_all((ROOT / "deploy" / "install.yaml").read_text())
    (role,) = (one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return granted(role)


@pytest.mark.parametrize(
    ("kind", "name", "rights"),
    [
        ("ClusterRole", "kafka-otlp-operator", RIGHTS + RIGHTS_OF_THE_CLUSTER),
        ("Role", "kafka-otlp-operator-leader-election", RIGHTS_OF_A_CANDIDATE),
    ],
)
def test_the_role_allows_what_is_needed_and_nothing_else(kind: str, name: str, rights: tuple[Right, ...]):
    """The role has no star, no Secret, and no verb that the operator does not use."""
    found = shipped(kind, name)
    assert found == table(rights)
    assert not any("*" in part for key in found for part in key)
    assert ("", "secrets") not in found


def test_everything_is_asked_for_where_it_is_needed():
    """The operator asks once for all namespaces, or for each one that it watches; for a Lease only with an election."""
    everywhere = questions((), "")
    assert {question.namespace for question in everywhere} == {None}
    assert len(everywhere) == sum(len(right.verbs) for right in RIGHTS + RIGHTS_OF_THE_CLUSTER)
    some = questions(("a", "b"), "c")
    assert {question.namespace for question in some} == {"a", "b", "c"}
    assert "list customresourcedefinitions.apiextensions.k8s.io" not in map(str, some)
    assert [str(question) for question in some if question.namespace == "c"] == [
        "get leases.coordination.k8s.io",
        "create leases.coordination.k8s.io",
        "update leases.coordination.k8s.io",
    ]


def test_a_question_is_a_review_of_its_own():
    """Attributes that do not apply are left out: an empty namespace would ask something else."""
    by_name: dict[str, Any] = {str(question): question.attributes for question in questions(("a",), "")}
    assert by_name["patch deployments.apps"] == {
        "verb": "patch",
        "group": "apps",
        "version": "v1",
        "resource": "deployments",
        "namespace": "a",
    }
    assert by_name["patch kafkaotlpexporters.kafka-otlp.dev/status"]["subresource"] == "status"
    assert "namespace" not in questions((), "")[0].attributes


def test_what_is_missing_is_one_sentence():
    """The sentence has every verb, the place where it is missing, and what to do."""
    denied = [question for question in questions(("a", "b"), "") if str(question) in {"list pods", "create services"}]
    assert sentence(denied) == (
        "the role of kafka-otlp-operator does not allow: create services, list pods in namespace 'a'; create services, "
        "list pods in namespace 'b'; apply the role of this version again."
    )
    assert "in every namespace" in sentence(questions((), "")[:1])
