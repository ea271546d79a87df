"""What a row says beside type, limits and description."""

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from kafka_otlp_exporter.config.marks import Computed, Kafka, ResourcePath, Secret, Unit, Words
from kafka_otlp_exporter.config.rows import rows


class Table(BaseModel):
    """A table with every mark."""

    plain: Annotated[int, Field(ge=1, le=2)] = 1
    marked: Annotated[
        str,
        Words("a colour", resource="a colour in lower case"),
        Unit("colours"),
        Kafka("a.colour", str.upper),
        Computed("the colour of the sky"),
        Secret(),
        ResourcePath("look.colour"),
    ] = ""
    password: Annotated[SecretStr, Words("any text"), ResourcePath("look.passwordSecretRef")] = SecretStr("")


def test_each_mark_is_a_fact_of_its_row():
    """A row without marks has none of them."""
    plain, marked, password = rows(Table, "--").values()
    assert (marked.allowed, marked.allowed_in_resource, marked.unit) == (
        "a colour",
        "a colour in lower case",
        "colours",
    )
    assert marked.kafka is not None
    assert (marked.kafka.property, marked.kafka.spell("red")) == ("a.colour", "RED")
    assert (marked.default_text, marked.secret, marked.field) == ("the colour of the sky", True, "look.colour")
    assert (plain.unit, plain.kafka, plain.computed, plain.secret, plain.path) == (None, None, None, False, None)
    assert password.secret
