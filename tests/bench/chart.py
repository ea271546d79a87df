"""A bar chart as SVG: pairs of horizontal bars, each pair on a scale of its own. It is pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LABEL, _BAR, _VALUE = 760, 90, 480, 14
_HEAD, _PAIR, _THICK = 76, 62, 18
_OURS, _THEIRS, _INK, _PAPER = "#1f77b4", "#b8b8b8", "#222222", "#ffffff"


@dataclass(frozen=True)
class Pair:
    """Two values of one row; they are positive."""

    label: str
    ours: float
    theirs: float


def chart(title: str, subtitle: str, names: tuple[str, str], pairs: Sequence[Pair], digits: int) -> str:
    """The SVG document. ``names`` stand in the legend; a value is written with ``digits`` after the decimal point."""
    height = _HEAD + _PAIR * len(pairs)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif"'
        f' font-size="13" fill="{_INK}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="{_PAPER}"/>',
        _text(16, 24, title, 'font-size="16" font-weight="bold"'),
        _text(16, 44, subtitle),
        *_legend(names),
    ]
    for index, pair in enumerate(pairs):
        parts += _bars(pair, _HEAD + _PAIR * index, digits)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(names: tuple[str, str]) -> list[str]:
    places = zip((_LABEL, _LABEL + 220), (_OURS, _THEIRS), names, strict=True)
    return [
        part for left, colour, name in places for part in (_rect(left, 56, 12, 12, colour), _text(left + 18, 67, name))
    ]


def _bars(pair: Pair, top: int, digits: int) -> list[str]:
    longest = max(pair.ours, pair.theirs)
    parts = [_text(_LABEL - 10, top + 30, pair.label, 'text-anchor="end"')]
    for value, colour, offset in ((pair.ours, _OURS, 8), (pair.theirs, _THEIRS, 28)):
        width = value / longest * _BAR
        parts.append(_rect(_LABEL, top + offset, width, _THICK, colour))
        parts.append(_text(_LABEL + width + 6, top + offset + _VALUE, f"{value:.{digits}f}"))
    return parts


def _rect(left: float, top: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(left: float, base: float, text: str, further: str = "") -> str:
    return f'<text x="{left:.1f}" y="{base:.1f}" {further}>{escape(text)}</text>'
