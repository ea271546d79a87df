"""The command line behind ``make mutants``."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence

from tools.mutants import mutmut, verdicts
from tools.mutants.modules import MODULES, ROOT, Module
from tools.mutants.mutmut import Result
from tools.mutants.page import page
from tools.mutants.verdicts import Verdict

PAGE = ROOT / "docs" / "mutants.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Test the mutants and write the page; 1 when a mutant survives that nobody has decided about."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", allow_abbrev=False)
    parser.add_argument("modules", nargs="*", help="such as flow/budget; without any: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at a time; default: one per core")
    given = parser.parse_args(arguments)
    chosen = [module for module in MODULES if not given.modules or module.name in given.modules]
    unknown = set(given.modules) - {module.name for module in chosen}
    if unknown:
        parser.error(
            f"no such module: {', '.join(sorted(unknown))}; there are {', '.join(one.name for one in MODULES)}"
        )
    rows = verdicts.read()
    results = {module: _test(module, given.jobs) for module in chosen}
    undecided = _report(results, rows)
    _write_page(rows)
    return 1 if undecided else 0


def _test(module: Module, jobs: int) -> Result:
    started = time.monotonic()
    result = mutmut.run(module, jobs)
    seconds = time.monotonic() - started
    print(f"mutants: {module.title}: {result.caught} of {result.mutants} caught in {seconds:.0f} s", flush=True)
    return result


def _report(results: Mapping[Module, Result], rows: Sequence[Verdict]) -> int:
    """Print what a person must look at; how many survivors have no verdict."""
    found = verdicts.undecided(results, rows)
    for module, survivor in found:
        print(f"mutants: {module.path}:{survivor.line} has a survivor without a verdict")
        print(f"  - {survivor.was}\n  + {survivor.now}")
    for row in verdicts.idle(results, rows):
        print(f"mutants: no mutant of this row survives; remove it from {verdicts.FILE.name}: {row.was}")
    return len(found)


def _write_page(rows: Sequence[Verdict]) -> None:
    """Write the page, with the last result of each module that was not tested now."""
    results = {module: mutmut.last(module) for module in MODULES}
    PAGE.write_text(page(results, rows, mutmut.version()))
    print(f"mutants: wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    raise SystemExit(main())
