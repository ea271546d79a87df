"""The chart is SVG that every reader takes."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.bench.chart import Pair, chart

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("ours & mine", "<theirs>")


def drawn(pairs: list[Pair]) -> ET.Element:
    return ET.fromstring(chart("CPU & time", "less < more", NAMES, pairs, 2))


def test_it_is_well_formed_and_says_what_it_shows():
    root = drawn([Pair("a<b", 1, 2)])
    assert root.tag == f"{SVG}svg"
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts == ["CPU & time", "less < more", *NAMES, "a<b", "1.00", "2.00"]


def test_the_bars_of_a_pair_are_as_long_as_their_values():
    root = drawn([Pair("one", 1, 4), Pair("two", 300, 100)])
    bars = [float(rect.attrib["width"]) for rect in root.iter(f"{SVG}rect") if rect.get("height") == "18.0"]
    assert len(bars) == 4
    assert bars[0] / bars[1] == pytest.approx(1 / 4)
    assert bars[2] / bars[3] == pytest.approx(3)
    assert bars[1] == bars[2]


def test_everything_is_inside_the_picture():
    root = drawn([Pair(str(number), 1 + number, 9) for number in range(12)])
    width, height = (float(side) for side in re.findall(r"\d+", root.attrib["viewBox"])[2:])
    for part in [*root.iter(f"{SVG}rect"), *root.iter(f"{SVG}text")]:
        assert 0 <= float(part.get("x", 0)) + float(part.get("width", 0)) <= width
        assert 0 <= float(part.get("y", 0)) + float(part.get("height", 0)) <= height
