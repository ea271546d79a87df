"""What a row of an option table, or the type of its values, says beside type, limits and description. Pure.

The marks stand in ``Annotated``, next to pydantic's own. A mark is a fact about values or about their place; it never
names an option.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Words:
    """The values that a type takes, in words, as they follow "allowed:".

    ``text`` is about flag and variable. ``resource`` is about the field of the resource, where its form differs.
    ``keys`` is about the keys of a map, as it follows "a key must be".
    """

    text: str
    resource: str | None = None
    keys: str | None = None


@dataclass(frozen=True)
class Unit:
    """The unit of a number, in the plural: ``bytes``, ``milliseconds``."""

    name: str


@dataclass(frozen=True)
class Kafka:
    """The librdkafka property that a row sets, and how a value is spelt there."""

    property: str
    spell: Callable[[Any], str] = str


@dataclass(frozen=True)
class Computed:
    """How the value of a row is found when it is not set, in words."""

    words: str


@dataclass(frozen=True)
class Secret:
    """The value is, or may hold, a credential: no error and no status shows it."""


@dataclass(frozen=True)
class ResourcePath:
    """Where an option stands below ``spec`` when it is not a field of its own: inside of an object.

    A password is one: the resource refers to a Secret instead of holding the value.
    """

    path: str
