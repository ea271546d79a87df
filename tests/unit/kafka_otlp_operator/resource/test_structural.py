"""Schemas in the form that the API server takes."""

from kafka_otlp_operator.resource.structural import structural


def test_references_are_put_in_their_places():
    """A structural schema has no references; a key beside a reference overrides the key of its target."""
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
    """The schema has no null, because the API server leaves out a field that is not set."""
    schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None, "description": "d"}
    assert structural(schema, {}, {}) == {"type": "integer", "minimum": 1, "format": "int64", "description": "d"}


def test_a_number_or_a_text():
    """No type stands beside the choice of two types, and no limit inside of it."""
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
    """A field keeps its own description and gets the schema of the type; in a list the items get it."""
    types = {"V1Thing": {"type": "object", "description": "a thing", "additionalProperties": False}}
    field = {"x-kubernetes-type": "V1Thing", "description": "mine"}
    inside = {"type": "object", "description": "a thing"}
    assert structural(field, {}, types) == {"type": "object", "description": "mine"}
    assert structural({**field, "type": "array"}, {}, types) == {
        "type": "array",
        "description": "mine",
        "items": inside,
    }
