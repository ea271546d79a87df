"""The table of the suite: what a line is, and the lines in their order.

The modules ``lines_*`` fill it with ``line``; the scoreboard and pytest read ``LINES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from conformance.target import Need, Target

# A check returns nothing, or what was seen when the line allows several behaviours.
Check = Callable[[Target], str | None]


class Level(StrEnum):
    """How much a line binds a server (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Finding(Exception):
    """The server does not follow the line; the message says what was seen instead."""


class NotProvoked(Exception):
    """The line could not be checked, for example because the server accepts everything; the message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One statement about a server, and the function that checks it.

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
        """The part of the checklist, such as G2."""
        return self.id.partition(".")[0]


LINES: list[Line] = []


def line(
    identifier: str, level: Level, sentence: str, section: str, *needs: Need, heavy: bool = False, slow: bool = False
) -> Callable[[Check], Check]:
    """Add the decorated check to the table."""

    def register(check: Check) -> Check:
        LINES.append(Line(identifier, level, sentence, section, needs, check, heavy, slow))
        return check

    return register


def expect(true: object, seen: str) -> None:
    """Raise Finding with ``seen`` when the condition is false."""
    if not true:
        raise Finding(seen)
