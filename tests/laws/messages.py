"""OTLP messages of every type for the laws, drawn from the protobuf descriptors, and what damages them."""

import functools
import math
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from kafka_otlp_exporter.otlp.signals import ID_BYTES, SIGNALS, Signal

Kind = type[Message]

# A request may hold messages this deep; down to SPINE they are never left out, so that most requests have items.
DEPTH, SPINE = 7, 5

_BY_TYPE: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=20),
    FieldDescriptor.TYPE_DOUBLE: st.floats().map(lambda number: math.nan if math.isnan(number) else number),
    FieldDescriptor.TYPE_FIXED32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_STRING: st.text(max_size=20),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
}


def _field(descriptor: Any, depth: int) -> st.SearchStrategy[Any] | None:
    """Values of one field, or None where messages would nest too deep."""
    one: st.SearchStrategy[Any] | None
    if descriptor.message_type is not None:
        one = None if depth == 0 else messages(descriptor.message_type, depth - 1)
    elif descriptor.enum_type is not None:
        known = [value.number for value in descriptor.enum_type.values]
        one = st.sampled_from(known) | st.integers(-(2**31), 2**31 - 1)
    elif descriptor.name in ID_BYTES:
        size = ID_BYTES[descriptor.name]
        one = st.just(b"") | st.binary(min_size=size, max_size=size)
    else:
        one = _BY_TYPE[descriptor.type]
    if one is None or not descriptor.is_repeated:
        return one
    return st.lists(
        one,
        min_size=1 if depth >= SPINE and descriptor.message_type is not None else 0,
        max_size=12 if descriptor.type == FieldDescriptor.TYPE_UINT64 else 3,
    )


@functools.cache
def messages(descriptor: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Messages as their constructors take them, with at most one field of each oneof."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for field in descriptor.fields:
        values = _field(field, depth)
        if values is not None and field.containing_oneof is None:
            fields[field.name] = values
    choices = [
        {field.name: values for field in oneof.fields if (values := _field(field, depth)) is not None}
        for oneof in descriptor.oneofs
    ]
    spine = {name for name in fields if depth >= SPINE and descriptor.fields_by_name[name].is_repeated}
    plain = st.fixed_dictionaries(
        {name: fields[name] for name in spine}, optional={name: fields[name] for name in fields.keys() - spine}
    )
    for choice in filter(None, choices):
        picked = st.sampled_from(sorted(choice)).flatmap(
            lambda name, choice=choice: st.fixed_dictionaries({name: choice[name]})  # type: ignore[misc]
        )
        plain = st.tuples(plain, st.just({}) | picked).map(lambda both: {**both[0], **both[1]})
    return plain


# A field number that no OTLP message has, in every wire type, groups included.
UNKNOWN = st.lists(
    st.sampled_from(
        [
            b"\xf8\x7f\x07",
            b"\xf9\x7f12345678",
            b"\xfa\x7f\x02hi",
            b"\xfd\x7f1234",
            b"\xfb\x7f\x08\x01\xfc\x7f",
            b"\x0d1234",
            b"\x0b\x0c",
        ]
    ),
    max_size=3,
).map(b"".join)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Signal, bytes]:
    """A signal and a valid request of it, unknown fields around it."""
    signal = draw(st.sampled_from(list(Signal)))
    kind = SIGNALS[signal].request
    message = kind(**draw(messages(kind.DESCRIPTOR, DEPTH)))
    return signal, draw(UNKNOWN) + message.SerializeToString() + draw(UNKNOWN)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Signal, bytes]:
    """A request some of whose bytes were changed, put in, left out, or cut off."""
    signal, payload = draw(requests())
    changed = bytearray(payload)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(changed)))
        match draw(st.sampled_from(["put", "change", "leave out", "cut"])):
            case "put":
                changed[at:at] = draw(st.binary(min_size=1, max_size=12))
            case "change":
                changed[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "leave out":
                del changed[at : at + draw(st.integers(1, 3))]
            case "cut":
                del changed[at:]
    return signal, bytes(changed)


def parses(payload: bytes, kind: Kind) -> bool:
    """Whether protobuf takes it."""
    try:
        kind.FromString(payload)
    except DecodeError:
        return False
    return True


def types() -> list[Kind]:
    """Every message type that a request is made of, the requests included."""
    found: dict[str, Any] = {}

    def add(descriptor: Any) -> None:
        if descriptor.full_name not in found:
            found[descriptor.full_name] = descriptor
            for field in descriptor.fields:
                if field.message_type is not None:
                    add(field.message_type)

    for row in SIGNALS.values():
        add(row.request.DESCRIPTOR)
    return [GetMessageClass(descriptor) for descriptor in found.values()]


@st.composite
def any_message(draw: st.DrawFn) -> tuple[Kind, bytes]:
    """A message of any type that a request is made of."""
    kind = draw(st.sampled_from(types()))
    return kind, kind(**draw(messages(kind.DESCRIPTOR, 4))).SerializeToString()


def same(one: Message, other: Message) -> bool:
    """Whether two messages are equal to the last bit: NaN is NaN, and zero has a sign."""
    return one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)
