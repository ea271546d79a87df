"""The page docs/mutants.md: the score of each module and every mutant that survives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from tools.mutants.modules import Module
from tools.mutants.mutmut import Result, Survivor
from tools.mutants.verdicts import Verdict, verdict_of

NEW = "open"

_HEAD = """# Mutation score of the safety-critical modules

`make mutants` wrote this page with {version}. It is not part of CI.

A mutant is one small change of one line: `<` becomes `<=`, an argument becomes `None`, `True` becomes `False`, a number
grows by one. Each mutant runs against the unit tests of its own module and no others. A mutant that no test notices
survives. A mutant that hangs is caught by a time limit.

mutmut changes functions and methods. It does not change constants of a module, or functions with a decorator other than
`staticmethod` and `classmethod`, such as properties. Calls that log, and AssertionErrors, are left out.

A person decides about each survivor, in `tools/mutants/verdicts.toml`:

- `equivalent`: the program behaves the same, so no test can notice the change.
- `unreachable`: the line never runs while the program is correct.
- `open`: a test is missing. A survivor without a verdict is open too, and `make mutants` exits with 1.

The score is the share of caught mutants among those that are neither equivalent nor unreachable.
"""


def page(results: Mapping[Module, Result | None], verdicts: Sequence[Verdict], version: str) -> str:
    """The whole page, in Markdown. A module whose result is None was not tested yet, and the page says so."""
    tested = {module: result for module, result in results.items() if result is not None}
    return "\n".join(
        [
            _HEAD.format(version=version),
            *_scores(tested, verdicts),
            *(f"| {module.title} | not tested yet | | | | | |" for module in results if module not in tested),
            "",
            "## Survivors",
            *(line for module, result in tested.items() for line in _survivors(module, result, verdicts)),
            "",
        ]
    )


def _scores(results: Mapping[Module, Result], verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "| module | mutants | caught | equivalent | unreachable | open | score |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    sums = [0] * 5
    for module, result in results.items():
        said = [_said(module, one, verdicts)[0] for one in result.survivors]
        row = [result.mutants, result.caught, *map(said.count, ("equivalent", "unreachable", NEW))]
        sums = [left + right for left, right in zip(sums, row, strict=True)]
        yield _score(module.title, row)
    yield _score("**all**", sums)


def _score(title: str, row: Sequence[int]) -> str:
    mutants, caught, equivalent, unreachable, _ = row
    share = 100 * caught / ((mutants - equivalent - unreachable) or 1)
    return f"| {title} | {' | '.join(map(str, row))} | {share:.1f} % |"


def _survivors(module: Module, result: Result, verdicts: Sequence[Verdict]) -> Iterator[str]:
    if not result.survivors:
        return
    yield ""
    yield f"### {module.title}"
    yield ""
    yield "| place | line | changed to | verdict | why |"
    yield "|---|---|---|---|---|"
    rows = ((one.line, one.was, *_said(module, one, verdicts), one.now) for one in result.survivors)
    for (line, was, said, why), same in groupby(rows, key=lambda row: row[:4]):
        changed = "<br>".join(_code(now) for *_, now in same)
        yield f"| `{module.path.name}:{line}` | {_code(was)} | {changed} | {said} | {why} |"


def _said(module: Module, survivor: Survivor, verdicts: Sequence[Verdict]) -> tuple[str, str]:
    found = verdict_of(module, survivor, verdicts)
    return (found.verdict, found.why) if found else (NEW, "new")


def _code(text: str) -> str:
    if not text:
        return "(nothing)"
    # A bar would end the cell, inside of code too.
    fence = "``" if "`" in text else "`"
    return f"{fence}{text.replace('|', chr(92) + '|')}{fence}"
