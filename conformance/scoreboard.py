"""Runs the lines, and shows the results as a table, in text and in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import h2.exceptions

from conformance.table import Finding, Level, Line, NotProvoked
from conformance.target import Target


class Outcome(StrEnum):
    """The result of a line."""

    PASS = "pass"
    FAIL = "fail"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Result:
    """A line, its result, and what was seen: the wrong behaviour, or which of several allowed ones."""

    line: Line
    outcome: Outcome
    seen: str

    @property
    def breaks_a_must(self) -> bool:
        """Whether it makes the suite fail."""
        return self.outcome is Outcome.FAIL and self.line.level is Level.MUST


def run(line: Line, target: Target) -> Result:
    """Check one line."""
    for need in line.needs:
        if (reason := target.missing(need)) is not None:
            return Result(line, Outcome.NOT_RUN, reason)
    if line.slow and not target.slow:
        return Result(line, Outcome.NOT_RUN, "it takes a minute; SLOW=1 runs it")
    try:
        seen = line.check(target)
    except Finding as finding:
        return Result(line, Outcome.FAIL, str(finding))
    except NotProvoked as reason:
        return Result(line, Outcome.NOT_RUN, str(reason))
    except (OSError, h2.exceptions.ProtocolError) as error:
        return Result(line, Outcome.FAIL, f"no answer: {error or type(error).__name__}")
    return Result(line, Outcome.PASS, seen or "")


def run_all(lines: Iterable[Line], target: Target, told: Callable[[Result], None] = lambda _: None) -> list[Result]:
    """Run the lines one after the other, so that they do not disturb each other; ``told`` gets each result at once."""
    results = []
    for line in lines:
        results.append(run(line, target))
        told(results[-1])
    return results


def row(result: Result) -> str:
    """One line of the table, as text."""
    line = result.line
    seen = f"  [{result.seen}]" if result.seen else ""
    return f"{line.id:<6} {line.level:<6} {result.outcome:<7}  {line.sentence}{seen}"


def counts(results: Sequence[Result]) -> list[tuple[str, Counter[Outcome]]]:
    """The numbers of lines that passed, failed and did not run: by level, then in all."""
    by_level = [(str(level), Counter(r.outcome for r in results if r.line.level is level)) for level in Level]
    return [*by_level, ("all", Counter(result.outcome for result in results))]


def summary(results: Sequence[Result]) -> str:
    """The counts, as text."""
    lines = [f"{'':<6} " + "  ".join(f"{outcome:>7}" for outcome in Outcome)]
    lines += [f"{name:<6} " + "  ".join(f"{found[o]:>7}" for o in Outcome) for name, found in counts(results)]
    return "\n".join(lines)


def markdown(results: Sequence[Result], title: str) -> str:
    """The counts and the whole table under a heading."""
    head = [f"## {title}", "", "| level | pass | fail | not run |", "|---|---|---|---|"]
    head += [f"| {name} | " + " | ".join(str(found[o]) for o in Outcome) + " |" for name, found in counts(results)]
    body = ["", "| id | level | sentence | outcome | seen | section |", "|---|---|---|---|---|---|"]
    for result in results:
        line = result.line
        outcome = f"**{result.outcome}**" if result.outcome is Outcome.FAIL else str(result.outcome)
        cells = (line.id, line.level, line.sentence, outcome, result.seen, line.section)
        body.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join([*head, *body, ""])
