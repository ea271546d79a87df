"""What a row of an option table is: one option in every form that it has. Pure.

A row knows type, limits and words of its values from their annotation alone. An annotation that does not say enough
raises TypeError when the table is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from kafka_otlp_exporter.config.marks import Computed, Kafka, ResourcePath, Secret, Unit, Words
from kafka_otlp_exporter.config.values import in_words, written

Mark = TypeVar("Mark")

_LIMITS = ("ge", "le", "min_length", "max_length", "pattern")


@dataclass(frozen=True)
class Row:
    """One option, in every form that it has.

    ``name`` is the snake-case attribute of the model. ``type`` is the Python type of the values, without None: a list is
    a tuple, a map is a dict. ``minimum`` and ``maximum`` are those of a number or a duration. ``words`` say which values
    are allowed. ``computed`` says what the value is when it is not set and the default is none.
    """

    name: str
    description: str
    default: object
    type: type
    unit: str | None
    kafka: Kafka | None
    choices: tuple[str, ...]
    minimum: Any
    maximum: Any
    words: Words
    secret: bool
    path: str | None
    flag_prefix: str
    computed: str | None = None

    @property
    def flag(self) -> str:
        """``--kafka-exporter-linger-ms``."""
        return self.flag_prefix + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """``KAFKA_EXPORTER_LINGER_MS``."""
        return "KAFKA_EXPORTER_" + self.name.upper()

    @property
    def field(self) -> str:
        """``lingerMs``, or ``sasl.username``: where the option stands below ``spec`` of the resource."""
        head, *tail = self.name.split("_")
        return self.path or head + "".join(part.capitalize() for part in tail)

    @property
    def is_switch(self) -> bool:
        """Whether the option is true or false."""
        return self.type is bool

    @property
    def is_duration(self) -> bool:
        """Whether the option is a duration."""
        return self.type is timedelta

    @property
    def is_list(self) -> bool:
        """Whether the option is a list: in the resource its items are unique."""
        return self.type is tuple

    @property
    def is_map(self) -> bool:
        """Whether the option is a map from texts to texts: in the resource whole numbers are values too."""
        return self.type is dict

    @property
    def allowed(self) -> str:
        """The values that flag and variable take, in words."""
        return self.words.text

    @property
    def allowed_in_resource(self) -> str:
        """The values that the field of the resource takes, in words."""
        return self.words.resource or self.words.text

    @property
    def default_text(self) -> str:
        """The default as a person writes it, or how it is found, in words; empty when there is none."""
        if self.computed is not None:
            return self.computed
        return "" if self.default in (None, {}, (), "") else written(self.default)

    def explained(self, allowed: str, *, with_default: bool = True) -> str:
        """What the option is for, what it takes and what it is when it is not set: for ``--help`` and the resource."""
        said = f"{self.description} Allowed: {allowed}."
        return f"{said} Default: {self.default_text}." if with_default and self.default_text else said


# The name of a row where the options came from: a flag, or a field of the resource.
Spelling = Callable[[Row], str]


class Contradiction(ValueError):
    """Settings contradict each other; the message names them and says what to do."""


def rows(model: type[BaseModel], flag_prefix: str) -> Mapping[str, Row]:
    """The rows of an option model, by name, in the order of their definition.

    Raises TypeError for a field that does not say which values it takes.
    """
    return {name: _row(name, info, flag_prefix) for name, info in model.model_fields.items()}


def _row(name: str, info: FieldInfo, flag_prefix: str) -> Row:
    kind, entries = _type(name, info.annotation)
    marks = [*entries, *info.metadata]
    choices = tuple(choice.value for choice in kind) if issubclass(kind, StrEnum) else ()
    unit, path, computed = _mark(marks, Unit), _mark(marks, ResourcePath), _mark(marks, Computed)
    unit_name = unit.name if unit else None
    minimum = max(_limits(marks, "ge"), default=None)
    maximum = min(_limits(marks, "le"), default=None)
    if issubclass(kind, SecretStr) and path is None:
        raise TypeError(f"{name}: a secret must not be a field of the resource; say with ResourcePath where it stands.")
    return Row(
        name=name,
        description=info.description or "",
        default=info.default,
        type=kind,
        unit=unit_name,
        kafka=_mark(marks, Kafka),
        choices=choices,
        minimum=minimum,
        maximum=maximum,
        words=_own_words(name, kind, marks) or _words(name, kind, choices, minimum, maximum, unit_name),
        secret=issubclass(kind, SecretStr) or _mark(marks, Secret) is not None,
        path=path.path if path else None,
        flag_prefix=flag_prefix,
        computed=computed.words if computed else None,
    )


def _type(name: str, annotation: Any) -> tuple[type, list[Any]]:
    """The Python type of the values that are not None, and what it is annotated with beside None."""
    union = get_origin(annotation) in (Union, UnionType)
    inner = [part for part in get_args(annotation) if part is not NoneType] if union else [annotation]
    if len(inner) != 1:
        raise TypeError(f"{name}: an option has values of one type.")
    base, *metadata = get_args(inner[0]) if get_origin(inner[0]) is Annotated else inner
    return get_origin(base) or base, list(_flat(metadata))


def _flat(metadata: Sequence[Any]) -> Iterator[Any]:
    for entry in metadata:
        yield from entry.metadata if isinstance(entry, FieldInfo) else [entry]


def _mark(marks: Sequence[Any], kind: type[Mark]) -> Mark | None:
    return next((mark for mark in marks if isinstance(mark, kind)), None)


def _limits(marks: Sequence[Any], name: str) -> list[Any]:
    return [limit for mark in marks if (limit := getattr(mark, name, None)) is not None]


def _own_words(name: str, kind: type, marks: Sequence[Any]) -> Words | None:
    """The words that a type has of its own. They must know all of its limits, so no limit may stand behind them."""
    words = _mark(marks, Words)
    if words is None:
        return None
    if kind is dict and words.keys is None:
        raise TypeError(f"{name}: nothing says which keys it takes; give Words their words for keys.")
    # Behind the validator of a list, pydantic takes a limit of the list for the limit of a text.
    first = next(index for index, mark in enumerate(marks) if isinstance(mark, Words | BeforeValidator))
    if any(_limits(marks[first:], limit) for limit in _LIMITS):
        raise TypeError(f"{name}: a limit stands behind the words or behind a validator; write it in front of both.")
    return words


def _words(name: str, kind: type, choices: tuple[str, ...], minimum: Any, maximum: Any, unit: str | None) -> Words:
    """The words of a type that has none of its own, from its values and limits."""
    if choices:
        return Words("one of " + ", ".join(choices))
    if kind is bool:
        return Words("true or false")
    limited = minimum is not None and maximum is not None
    if kind is int and limited:
        return Words(f"a whole number from {minimum} to {maximum}" + (f" ({unit})" if unit else ""))
    if kind is timedelta and limited:
        return Words(f"a duration such as 30s or 500ms, at least {in_words(minimum)} and at most {in_words(maximum)}")
    raise TypeError(
        f"{name}: nothing says which values it takes; annotate the type with Words, or a number with both limits."
    )
