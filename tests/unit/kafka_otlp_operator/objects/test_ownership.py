"""What every object of a resource has, and whose an object is."""

import pytest

from kafka_otlp_operator.errors import NotOurs
from kafka_otlp_operator.names import labels
from kafka_otlp_operator.objects.ownership import belongs, is_ours, metadata, refuse_foreign
from kafka_otlp_operator.resource.spec import parse
from tests.unit.kafka_otlp_operator.resources import resource

OURS = {"controller": True, "uid": "uid-1", "kind": "KafkaOtlpExporter", "name": "edge"}
THEIRS = {"controller": True, "uid": "uid-2", "kind": "Deployment", "name": "other"}
EARLIER = {**OURS, "uid": "uid-0"}
MANAGED = {"app.kubernetes.io/managed-by": "kafka-otlp-operator"}


def test_owner():
    """Every object is owned by the resource, so that deleting it needs no operator; a file's objects have no owner."""
    (owner,) = metadata(resource())["ownerReferences"]
    assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == ("uid-1", True, True)
    loose = parse({"metadata": {"name": "edge"}, "spec": {"brokers": ["a:1"]}})
    assert "ownerReferences" not in metadata(loose)


def test_authors_labels_never_win():
    """A label that is also ours keeps our value: it is how the object is found again."""
    wanted = {"app.kubernetes.io/managed-by": "somebody", "team": "a"}
    assert metadata(resource(), labels=wanted)["labels"] == {"team": "a", **labels("edge")}


def test_annotations():
    """Annotations are there when there are any."""
    assert metadata(resource(), annotations={"a": "b"})["annotations"] == {"a": "b"}
    assert "annotations" not in metadata(resource(), annotations={})


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
    """Only what this very resource controls was made for it."""
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
    """What belongs to somebody else is refused; what we made, and lost the owner of, is taken up again."""
    item = {"kind": "Service", "metadata": {"name": "edge", **found}}
    assert is_ours(item, resource()) == (sentence is None)
    if sentence is None:
        refuse_foreign(item, resource())
        return
    with pytest.raises(NotOurs) as refused:
        refuse_foreign(item, resource())
    assert sentence in str(refused.value)
    assert refused.value.reason == "ApplyConflict"
