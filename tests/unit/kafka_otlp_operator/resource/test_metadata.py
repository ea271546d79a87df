"""What the operator reads of an object's metadata."""

from kafka_otlp_operator.resource.metadata import Metadata, metadata


def test_of_a_stored_object():
    """Name, namespace and uid say which object it is; the two numbers, which version of it."""
    stored = {"name": "edge", "namespace": "telemetry", "uid": "u", "generation": 3, "resourceVersion": "41"}
    assert metadata(stored | {"labels": {"a": "b"}}) == Metadata("edge", "telemetry", "u", 3, "41")


def test_of_a_file():
    """A file that was never stored has a name at most; kubectl would put it into the namespace default."""
    assert metadata({"name": "edge"}) == Metadata("edge", "default", "", 0, "")
    assert metadata({"name": "edge", "namespace": None, "generation": "x"}) == Metadata("edge", "default", "", 0, "")
    assert metadata({}).name == ""
