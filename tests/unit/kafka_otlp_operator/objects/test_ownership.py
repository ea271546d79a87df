"""The metadata of every object of a resource, and the owner of an object."""

import pytest

from kafka_otlp_operator.errors import NotOurs
from kafka_otlp_operator.names import labels
from kafka_otlp_operator.objects.ownership import belongs, child_metadata, is_ours, refuse_foreign
from kafka_otlp_operator.resource.spec import parse
from tests.unit.kafka_otlp_operator.resources import resource

OURS = {"controller": True, "uid": "uid-1", "kind": "KafkaOtlpExporter", "name": "edge"}
THEIRS = {"controller": True, "uid": "uid-2", "kind": "Deployment", "name": "other"}
EARLIER = {**OURS, "uid": "uid-0"}
MANAGED = {"app.kubernetes.io/managed-by": "kafka-otlp-operator"}


def test_owner():
    """Every object is owned by the resource, so that deleting it needs no operator; a file's objects have no owner."""
    (owner,) = child_metadata(resource())["ownerReferences"]
    assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == ("uid-1", True, True)
    loose = parse({"metadata": {"name": "edge"}, "spec": {"brokers": ["a:1"]}})
    assert "ownerReferences" not in child_metadata(loose)


def test_authors_labels_never_win():
    """A label that the operator sets, too, keeps the operator's value, because the operator finds the object by it."""
    wanted = {"app.kubernetes.io/managed-by": "somebody", "team": "a"}
    assert child_metadata(resource(), labels=wanted)["labels"] == {"team": "a", **labels("edge")}


def test_annotations():
    """The field exists only when the author sets annotations."""
    assert child_metadata(resource(), annotations={"a": "b"})["annotations"] == {"a": "b"}
    assert "annotations" not in child_metadata(resource(), annotations={})


@pytest.mark.parametrize(
    ("owners", "ours"),
    [
        ([OURS], True),
        ([{**THEIRS, "controller": False}, OURS], True),
        ([EARLIER], False),
        ([THEIRS], False),
        ([], False),
    ],
)
def test_belongs(owners, ours):
    """Only an object with this resource's uid as controller was made for it."""
    assert belongs({"metadata": {"ownerReferences": owners}}, resource()) is ours


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"ownerReferences": [THEIRS]}, "Service 'edge' already exists and belongs to Deployment 'other'"),
        ({"ownerReferences": [EARLIER], "labels": MANAGED}, "belongs to KafkaOtlpExporter 'edge'"),
        ({}, "Service 'edge' already exists and was not made by this operator"),
        ({"labels": MANAGED}, None),
        ({"ownerReferences": [OURS]}, None),
    ],
)
def test_foreign_objects(found, sentence):
    """An object of another owner is refused; the operator takes back an object that it made and that lost its owner."""
    item = {"kind": "Service", "metadata": {"name": "edge", **found}}
    assert is_ours(item, resource()) == (sentence is None)
    if sentence is None:
        refuse_foreign(item, resource())
        return
    with pytest.raises(NotOurs) as refused:
        refuse_foreign(item, resource())
    assert sentence in str(refused.value)
    assert refused.value.reason == "ApplyConflict"
