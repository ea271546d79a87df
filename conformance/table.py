"""The table of the suite: what a line is, and the lines in their order.

The modules ``lines_*`` fill it with ``line``; the scoreboard and pytest read ``LINES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from conformance.target import Need, Target

# What a check returns: nothing, or what was seen where the line allows several things.
Check = Callable[[Target], str | None]


class Level(StrEnum):
    """How much a line binds a server (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Finding(Exception):
    """The server does not do what the line says; the message says what was seen instead."""


class NotProvoked(Exception):
    """The server gave no occasion to see the line, as when it takes whatever it is sent; the message says so."""


@dataclass(frozen=True, slots=True)
class Line:
    """One statement about a server, and the function that looks whether it holds.

    ``id`` is that of the checklist, ``section`` the place in the OTLP specification, or in the document that it builds
    on. ``check`` raises Finding. ``heavy`` lines send tens of megabytes, ``slow`` ones wait for most of a minute.
    """

    id: str
    level: Level
    sentence: str
    section: str
    needs: tuple[Need, ...]
    check: Check
    heavy: bool
    slow: bool

    @property
    def group(self) -> str:
        """The part of the checklist that it belongs to, such as G2."""
        return self.id.partition(".")[0]


LINES: list[Line] = []


def line(
    identifier: str, level: Level, sentence: str, section: str, *needs: Need, heavy: bool = False, slow: bool = False
) -> Callable[[Check], Check]:
    """Put the decorated check into the table."""

    def register(check: Check) -> Check:
        LINES.append(Line(identifier, level, sentence, section, needs, check, heavy, slow))
        return check

    return register


def expect(true: object, seen: str) -> None:
    """Raises Finding with ``seen`` when it is not true."""
    if not true:
        raise Finding(seen)
