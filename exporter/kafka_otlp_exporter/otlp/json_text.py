"""A JSON text as Python's values, in bounded memory. Pure.

It is the only way from a text of a client to values: how many values a text has is counted before it is parsed.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from kafka_otlp_exporter.otlp.wire import Malformed, TooManyFields

# How many values a text may have, an object counting as two, because Python's objects are many times the size of the
# text. The worst text of 8 MiB with so many values needs 130 MB for a moment: one object of half a million members. The
# limit is reached by 13,000 spans of eight attributes.
MOST_VALUES = 800_000
# When requests may hold many bytes, a text may have one value for each BYTES_A_VALUE of them. The most expensive value
# needs 160 bytes for a moment.
BYTES_A_VALUE = 100

# A string, or the beginning of one that does not end. Its quantifiers are possessive, so no byte is read twice.
_LITERAL = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_SHORT = 32

# The quotes and the escapes of a JSON text. Half of a surrogate pair is one that has no other half beside it.
_QUOTE_OR_ESCAPE = re.compile(
    rb'"|\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)',
    re.DOTALL,
)
_REPLACEMENT = rb"ufffd"  # as long as what it replaces


def most_values(in_flight_bytes: int) -> int:
    """How many values a text may have when all requests together may hold ``in_flight_bytes``."""
    return max(MOST_VALUES, in_flight_bytes // BYTES_A_VALUE)


def parse(text: bytes, most: int = MOST_VALUES) -> tuple[Any, int]:
    """The value of a text, and how many values it has at most, an object counting as two. Raises wire.Malformed.

    It also raises it when they are more than ``most``.
    """
    values = _values(text, 0, len(text))
    if values > most and not _has_few_values(text, most):
        raise TooManyFields(f"the body has more than {most} values, an object counting as two; send fewer at once")
    try:
        return orjson.loads(text), values
    except orjson.JSONDecodeError as error:
        sentence = f"the body is no valid JSON: {error.msg} (at character {error.pos})"
    raise Malformed(sentence)


def parse_repaired(text: bytes, most: int = MOST_VALUES) -> tuple[Any, int, int]:
    """Like ``parse``, and how many strings of the text were repaired: half of a surrogate pair becomes U+FFFD."""
    try:
        return *parse(text, most), 0
    except TooManyFields:
        raise
    except Malformed:
        mended, repaired = _without_halves(text) if b"\\u" in text else (text, 0)
        if not repaired:
            raise
    return *parse(mended, most), repaired


def _without_halves(text: bytes) -> tuple[bytes, int]:
    """The text with every half surrogate pair replaced, and how many strings had one. Some SDKs cut a string inside a pair."""
    mended, repaired, counted = bytearray(text), 0, False
    for found in _QUOTE_OR_ESCAPE.finditer(text):
        if found["half"]:
            mended[slice(*found.span("half"))] = _REPLACEMENT
            repaired, counted = repaired + (not counted), True
        elif found[0] == b'"':
            counted = False
    return bytes(mended), repaired


def _values(text: bytes, start: int, end: int) -> int:
    """An upper bound for the number of values: each one but the first has a comma or a bracket before it."""
    return 2 * text.count(b"{", start, end) + text.count(b"[", start, end) + text.count(b",", start, end)


def _has_few_values(text: bytes, most: int) -> bool:
    """Whether there are at most ``most`` values when commas and brackets in long strings are not counted."""
    values = _values(text, 0, len(text))
    for number, literal in enumerate(_LITERAL.finditer(text)):
        # Each value has at most two strings: itself and its key.
        if number > 2 * most:
            return False
        start, end = literal.span()
        if end - start > _SHORT:
            values -= _values(text, start, end)
    return values <= most
