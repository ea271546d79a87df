"""Scalars of every type that protobuf has, on the wire and in JSON: a later OTLP may use those that it does not use yet."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from kafka_otlp_exporter.otlp import scalars, wire
from kafka_otlp_exporter.otlp.json_decode import decode
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.scalars import Unfit, unfit

# Of each type: values for protobuf, and the same in JSON; the first is the default.
VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "bool": ([False, True], [False, True]),
    "bytes": ([b"", b"\xff\x00"], ["", "/wA="]),
    "double": ([0.0, -1e300, float("inf")], [0.0, -1e300, "Infinity"]),
    "fixed32": ([0, 2**32 - 1], [0, 2**32 - 1]),
    "fixed64": ([0, 2**64 - 1], ["0", "18446744073709551615"]),
    "float": ([0.0, 0.5, -float("inf")], [0.0, 0.5, "-Infinity"]),
    "int32": ([0, 2**31 - 1, -(2**31)], [0, 2**31 - 1, -(2**31)]),
    "int64": ([0, 2**63 - 1, -(2**63)], ["0", "9223372036854775807", "-9223372036854775808"]),
    "sfixed32": ([0, 2**31 - 1, -(2**31)], [0, 2**31 - 1, -(2**31)]),
    "sfixed64": ([0, -(2**63), 7], ["0", "-9223372036854775808", "7"]),
    "sint32": ([0, -1, 2**31 - 1, -(2**31)], [0, -1, 2**31 - 1, -(2**31)]),
    "sint64": ([0, -1, 2**63 - 1, -(2**63)], ["0", "-1", "9223372036854775807", "-9223372036854775808"]),
    "string": (["", "ü"], ["", "ü"]),
    "uint32": ([0, 2**32 - 1], [0, 2**32 - 1]),
    "uint64": ([0, 2**64 - 1], ["0", "18446744073709551615"]),
}


@pytest.fixture(scope="module")
def kind() -> type[Message]:
    """A message that has a field, a list and a list that is not packed of every type."""
    file = FileDescriptorProto(name="scalars.proto", package="scalars", syntax="proto3")
    made = file.message_type.add(name="Scalars")
    for number, name in enumerate(VALUES, start=1):
        type_: Any = getattr(FieldDescriptorProto, f"TYPE_{name.upper()}")
        made.field.add(name=f"one_{name}", number=number, type=type_, label=FieldDescriptorProto.LABEL_OPTIONAL)
        made.field.add(name=f"all_{name}", number=100 + number, type=type_, label=FieldDescriptorProto.LABEL_REPEATED)
        loose = made.field.add(name=f"loose_{name}", number=200 + number, type=type_)
        loose.label = FieldDescriptorProto.LABEL_REPEATED
        if name not in ("bytes", "string"):
            loose.options.packed = False
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("scalars.Scalars"))


@pytest.mark.parametrize("name", VALUES)
def test_each_type_alone_goes_both_ways(name: str, kind: type[Message]):
    """As protobuf has it on the wire; a default is left out."""
    values, shown = VALUES[name]
    for value, text in zip(values, shown, strict=True):
        payload = kind(**{f"one_{name}": value}).SerializeToString()
        expected = {f"one{name.title()}": text} if value != values[0] else {}
        for whole in (1, 1000):
            assert json.loads(encode(payload, kind, whole=whole)) == expected
        assert decode(json.dumps({f"one{name.title()}": text}).encode(), kind)[0] == payload


@pytest.mark.parametrize("form", ["all", "loose"])
@pytest.mark.parametrize("name", VALUES)
def test_each_type_in_a_list_goes_both_ways(name: str, form: str, kind: type[Message]):
    """Packed or not; and the other form is read too."""
    values, shown = VALUES[name]
    payload = kind(**{f"{form}_{name}": values * 9}).SerializeToString()
    for whole in (10, 1000):
        assert json.loads(encode(payload, kind, whole=whole)) == {f"{form}{name.title()}": shown * 9}
    assert decode(json.dumps({f"{form}{name.title()}": shown * 9}).encode(), kind)[0] == payload


@pytest.mark.parametrize("name", sorted(set(VALUES) - {"bytes", "string"}))
def test_a_packed_list_is_read_from_either_form(name: str, kind: type[Message]):
    """As protobuf reads it."""
    loose = kind(**{f"loose_{name}": VALUES[name][0]})
    number = kind.DESCRIPTOR.fields_by_name[f"all_{name}"].number
    payload, position = b"", 0
    content = loose.SerializeToString()
    while position < len(content):
        _, wire_type, body, end = wire.field(content, position, len(content))
        payload += wire.varint(number << 3 | wire_type) + content[body:end]
        position = end
    for whole in (10, 1000):
        assert json.loads(encode(payload, kind, whole=whole)) == {f"all{name.title()}": VALUES[name][1]}


def test_there_is_a_row_for_every_type_but_messages_and_groups():
    """Each enum has names of its own, and therefore no row."""
    types = {value for key, value in vars(FieldDescriptor).items() if key.startswith("TYPE_")}
    assert set(scalars._SCALARS) == types - {
        FieldDescriptor.TYPE_MESSAGE,
        FieldDescriptor.TYPE_GROUP,
        FieldDescriptor.TYPE_ENUM,
    }


def test_a_float_that_32_bits_do_not_hold_is_refused(kind: type[Message]):
    """It is not written as infinity."""
    with pytest.raises(wire.Malformed, match="oneFloat is a number out of range: 32 bits do not hold it"):
        decode(b'{"oneFloat":1e39}', kind)


@pytest.mark.parametrize("name", ["int32", "sint32", "sfixed32"])
@pytest.mark.parametrize("number", [2**31, -(2**31) - 1])
def test_32_bits_are_not_exceeded(name: str, number: int, kind: type[Message]):
    """This holds at both ends of the range."""
    with pytest.raises(wire.Malformed, match="from -2147483648 to 2147483647"):
        decode(json.dumps({f"one{name.title()}": number}).encode(), kind)


def test_the_sentence_leads_from_the_outside_in():
    """Each level adds its step to the path while the error is raised through it."""
    wrong = unfit([1], "a string")
    wrong.steps += ["[3]", ".names"]
    assert wrong.sentence() == "names[3] is an array, and has to be a string"
    assert Unfit("is wrong").sentence() == "the body is wrong"


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300, 2**20])
def test_a_length_stands_before_its_bytes(length: int):
    """As a varint, short or long."""
    assert scalars.prefix(length) == wire.varint(length)
