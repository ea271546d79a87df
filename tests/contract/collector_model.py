"""What an OpenTelemetry Collector keeps of a message: its model cannot hold everything that protobuf can.

Called by the tests that compare what it read or wrote with what was sent.
"""

from __future__ import annotations

import math
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from kafka_otlp_exporter.otlp.signals import ID_BYTES


def kept(message: Any) -> Message:
    """The message without what the Collector's model has no place for, and so neither reads nor writes.

    A message inside another is always there: one without content is as good as none. An id of zeros is none. A minus
    before the zero of a field that has a default is lost. Every NaN is Go's own, which has another last bit than C's.
    """
    copy: Any = type(message)()
    copy.CopyFrom(message)
    _lose(copy)
    return copy  # type: ignore[no-any-return]


def without_minus_zero(message: Message) -> Message:
    """What is kept of a message, and each zero without a sign."""
    copy = kept(message)
    _lose(copy, signs_of_zero=True)
    return copy


def _lose(message: Any, *, signs_of_zero: bool = False) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                _lose(item, signs_of_zero=signs_of_zero)
            if not field.is_repeated and field.containing_oneof is None and value.ByteSize() == 0:
                message.ClearField(field.name)
        elif field.name in ID_BYTES:
            if not any(value):
                message.ClearField(field.name)
        elif field.type == FieldDescriptor.TYPE_DOUBLE:
            _lose_of_doubles(message, field, value, signs_of_zero=signs_of_zero)


def _lose_of_doubles(message: Any, field: Any, value: Any, *, signs_of_zero: bool) -> None:
    def one(number: float) -> float:
        if math.isnan(number):
            return math.nan
        return abs(number) if signs_of_zero and number == 0 else number

    if field.is_repeated:
        value[:] = map(one, value)
    elif value == 0 and not field.has_presence:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, one(value))
