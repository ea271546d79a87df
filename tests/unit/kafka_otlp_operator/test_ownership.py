"""What every object of a resource has."""

from kafka_otlp_operator.names import labels
from kafka_otlp_operator.ownership import metadata
from kafka_otlp_operator.spec import parse
from tests.unit.kafka_otlp_operator.resources import resource


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
