"""Schemas in the form that the API server takes."""

from kafka_otlp_operator.resource.structural import structural


def test_references_are_put_in_their_places():
    """A structural schema has no references; what stands beside one goes before what it leads to."""
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A", "description": "mine"}},
        "$defs": {"A": {"type": "string", "description": "its own", "title": "A"}},
    }
    assert structural(schema, {}, {}) == {
        "type": "object",
        "properties": {"a": {"type": "string", "description": "mine"}},
    }


def test_what_may_be_left_out_is_what_it_is():
    """None means that a field was not set, which the API server expresses by its absence."""
    schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None, "description": "d"}
    assert structural(schema, {}, {}) == {"type": "integer", "minimum": 1, "format": "int64", "description": "d"}


def test_a_number_or_a_text():
    """Beside the choice of the two types no other may stand in it, and none within."""
    schema = {
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "%$"}, {"type": "null"}],
        "x-kubernetes-int-or-string": True,
        "pattern": "%$",
    }
    assert structural(schema, {}, {}) == {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
        "pattern": "%$",
    }


def test_kubernetes_own_types():
    """A field keeps its own words and has the type's inside; a list of them has it as its items."""
    types = {"V1Thing": {"type": "object", "description": "a thing", "additionalProperties": False}}
    field = {"x-kubernetes-type": "V1Thing", "description": "mine"}
    inside = {"type": "object", "description": "a thing"}
    assert structural(field, {}, types) == {"type": "object", "description": "mine"}
    assert structural({**field, "type": "array"}, {}, types) == {
        "type": "array",
        "description": "mine",
        "items": inside,
    }
