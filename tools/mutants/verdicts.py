"""What a person decided about mutants that survive: the rows of ``verdicts.toml``.

A row names a module, a function, the line as it stands, and, unless it holds for every mutant of that line, the line
as it was changed. No row holds a line's number: a row stays true while its line does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tools.mutants.modules import Module
from tools.mutants.mutmut import Survivor

FILE = Path(__file__).with_name("verdicts.toml")


class Verdict(BaseModel):
    """A row. ``equivalent``: nobody can see the change; ``unreachable``: the line never runs; ``open``: a test is due."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: str
    function: str
    was: str
    now: str | None = None
    verdict: Literal["equivalent", "unreachable", "open"]
    why: str

    def holds_for(self, module: Module, survivor: Survivor) -> bool:
        """Whether the row is about this mutant."""
        return (self.module, self.function, self.was) == (
            module.title,
            survivor.function,
            survivor.was,
        ) and self.now in {None, survivor.now}


def read() -> Sequence[Verdict]:
    """All rows. Raises pydantic.ValidationError when a row is wrong."""
    return [Verdict.model_validate(row) for row in tomllib.loads(FILE.read_text()).get("verdicts", [])]
