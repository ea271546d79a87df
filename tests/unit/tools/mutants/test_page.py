"""The page of the mutation score, and the table of verdicts that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tools.mutants import verdicts
from tools.mutants.modules import MODULES, Module
from tools.mutants.mutmut import Result, Survivor
from tools.mutants.page import page
from tools.mutants.verdicts import Verdict, idle, undecided, verdict_of

MODULE = Module("exporter", "kafka_otlp_exporter", "flow/budget")
OTHER = Module("exporter", "kafka_otlp_exporter", "flow/admission")
LOOSER = Survivor(function="Budget.take", line=7, was="if a < b:", now="if a <= b:")
NOTHING = Survivor(function="Budget.take", line=7, was="if a < b:", now="if None:")


BOTH = ("if a <= b:", "if None:")


def row(verdict: Literal["equivalent", "unreachable", "open"] = "equivalent", now: Sequence[str] = BOTH) -> Verdict:
    return Verdict(
        module="exporter flow/budget", function="Budget.take", was="if a < b:", now=now, verdict=verdict, why="so"
    )


def test_a_row_is_about_the_changes_that_it_names():
    """And about no other module's."""
    assert verdict_of(MODULE, LOOSER, [row()]) == row()
    assert verdict_of(MODULE, NOTHING, [row(now=["if a <= b:"]), row("open")]) == row("open")
    assert verdict_of(MODULE, NOTHING, [row(now=["if a <= b:"])]) is None
    assert verdict_of(OTHER, LOOSER, [row()]) is None


def test_a_survivor_without_a_row_and_a_row_without_a_survivor_are_found():
    """A row of a module that did not run is not idle."""
    found = {MODULE: Result(mutants=2, survivors=[LOOSER, NOTHING])}
    loose, other = row(now=["if a <= b:"]), row(now=["if a > b:"])
    assert undecided(found, [loose, other]) == [(MODULE, NOTHING)]
    assert idle(found, [loose, other]) == [other]
    assert idle({OTHER: Result(mutants=2, survivors=[])}, [loose, other]) == []


def test_the_score_leaves_out_what_no_test_can_notice():
    """Two of four caught, one equivalent: two of three."""
    written = page({MODULE: Result(mutants=4, survivors=[LOOSER, NOTHING])}, [row(now=["if a <= b:"])], "mutmut 1")
    assert "| exporter flow/budget | 4 | 2 | 1 | 0 | 1 | 66.7 % |" in written
    assert "| **all** | 4 | 2 | 1 | 0 | 1 | 66.7 % |" in written


def test_a_module_without_a_result_is_named():
    """The page does not pass over it, and the score is that of the others."""
    written = page({MODULE: Result(mutants=4, survivors=[]), OTHER: None}, [], "mutmut 1")
    assert "| exporter flow/admission | not tested yet |" in written
    assert "| **all** | 4 | 4 | 0 | 0 | 0 | 100.0 % |" in written


def test_each_survivor_has_its_place_its_verdict_and_its_reason():
    """One that nobody has decided about is open, and new; a bar does not end a cell."""
    found = [LOOSER, NOTHING, Survivor(function="f", line=9, was="a | b", now="a & b")]
    written = page({MODULE: Result(mutants=4, survivors=found)}, [row()], "mutmut 1")
    assert "| `budget.py:7` | `if a < b:` | `if a <= b:`<br>`if None:` | equivalent | so |" in written
    assert r"| `budget.py:9` | `a \| b` | `a & b` | open | new |" in written


def test_each_row_of_the_table_names_a_module_of_the_job():
    """A row of a module that has gone would never be missed."""
    assert {one.module for one in verdicts.read()} <= {module.title for module in MODULES}
