"""A JSON text as values, with half surrogate pairs repaired."""

from __future__ import annotations

import json

import pytest

from kafka_otlp_exporter.otlp.json_text import parse, parse_repaired
from kafka_otlp_exporter.otlp.wire import Malformed


@pytest.mark.parametrize("text", [b"[1,", b"", b'"\\ud83d', b'{"a":NaN}', b'"\\x"', b'"\xff"'])
def test_what_is_no_json_is_refused_though_it_could_be_repaired_in_part(text: bytes):
    """Its end, a bare NaN, an unknown escape, and bytes that are no UTF-8 are not repaired."""
    with pytest.raises(Malformed, match="the body is no valid JSON: "):
        parse_repaired(text)


def test_a_text_without_faults_is_read_as_it_is():
    """With an upper bound for the number of its values."""
    text = json.dumps({"a": [1, 2, {"b": "\U0001f600"}]}).encode()
    value, values = parse(text)
    assert value == {"a": [1, 2, {"b": "\U0001f600"}]}
    assert values >= 5
    assert parse_repaired(text) == (value, values, 0)


def test_strings_are_counted_and_not_their_faults():
    """A string with two halves is one."""
    value, _, repaired = parse_repaired(rb'["\ud83d \ud83d", "\ude00", "fine \\ud83d"]')
    assert value == ["\ufffd \ufffd", "\ufffd", "fine \\ud83d"]
    assert repaired == 2
