"""What a person decided about mutants that survive: the rows of ``verdicts.toml``.

A row names a module, a function, a line as it stands, and each change of that line that it is about. No row holds a
line's number: a row stays true while its line does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tools.mutants.modules import Module
from tools.mutants.mutmut import Result, Survivor

FILE = Path(__file__).with_name("verdicts.toml")


class Verdict(BaseModel):
    """A row. ``equivalent``: nobody can see the change; ``unreachable``: the line never runs; ``open``: a test is due."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: str
    function: str
    was: str
    now: tuple[str, ...]
    verdict: Literal["equivalent", "unreachable", "open"]
    why: str

    def holds_for(self, module: Module, survivor: Survivor) -> bool:
        """Whether the row is about this mutant."""
        place = (module.title, survivor.function, survivor.was)
        return (self.module, self.function, self.was) == place and survivor.now in self.now


def read() -> Sequence[Verdict]:
    """All rows. Raises pydantic.ValidationError when a row is wrong."""
    return [Verdict.model_validate(row) for row in tomllib.loads(FILE.read_text()).get("verdicts", [])]


def verdict_of(module: Module, survivor: Survivor, rows: Sequence[Verdict]) -> Verdict | None:
    """The first row that is about the mutant."""
    return next((row for row in rows if row.holds_for(module, survivor)), None)


def undecided(results: Mapping[Module, Result], rows: Sequence[Verdict]) -> Sequence[tuple[Module, Survivor]]:
    """The survivors that no row is about."""
    return [pair for pair in _survivors(results) if verdict_of(*pair, rows) is None]


def idle(results: Mapping[Module, Result], rows: Sequence[Verdict]) -> Sequence[Verdict]:
    """The rows of these modules that are about no survivor."""
    needed = {verdict_of(*pair, rows) for pair in _survivors(results)}
    titles = {module.title for module in results}
    return [row for row in rows if row.module in titles and row not in needed]


def _survivors(results: Mapping[Module, Result]) -> Sequence[tuple[Module, Survivor]]:
    return [(module, survivor) for module, result in results.items() for survivor in result.survivors]
