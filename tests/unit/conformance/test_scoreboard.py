"""The scoreboard: what is run, what is said of what is not, the exit code, and the Markdown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.__main__ import main
from conformance.scoreboard import Outcome, Result, counts, markdown, row
from conformance.table import Level, Line
from tests.beds.process import free_port
from tests.unit.conformance.toy import Toy

ROOT = Path(__file__).parents[3]


def made(identifier: str, level: Level, outcome: Outcome, seen: str = "") -> Result:
    """A result of a line that nobody runs."""
    line = Line(identifier, level, "A sentence.", "A section", (), lambda _: None, heavy=False, slow=False)
    return Result(line, outcome, seen)


def conformance(toy: Toy, *flags: str, http: str | None = None) -> int:
    """The exit code of the suite against the toy, without its HTTP unless it is given."""
    target = toy.target
    return main(["--target", target.grpc, "--http", http or f"127.0.0.1:{free_port()}", *flags])


def test_what_has_no_address_is_not_run_and_the_reason_is_said(capsys: pytest.CaptureFixture[str]):
    """An HTTP port that nobody listens on leaves out what needs it, with its address, and fails nothing."""
    nobody = f"127.0.0.1:{free_port()}"
    with Toy() as toy:
        assert conformance(toy, "--only", "G1.1,H1.1,G5.1,G1.9", http=nobody) == 0
    said = capsys.readouterr().out
    assert "G1.1   MUST   pass     TraceService/Export takes a request.\n" in said
    assert f"[{nobody} cannot be reached: Connection refused]" in said
    assert "[no BROKEN=host:port was given]" in said
    assert "[it takes a minute; SLOW=1 runs it]" in said
    assert "all          1        0        3" in said


def test_only_a_must_that_fails_makes_the_exit_code_one(capsys: pytest.CaptureFixture[str]):
    """A SHOULD that fails is shown and no more."""
    with Toy("any method", "no logs") as toy:
        assert conformance(toy, "--only", "G1.5") == 0
        assert conformance(toy, "--only", "G1.3,G1.5") == 1
    assert "G1.3   MUST   fail     LogsService/Export takes a request.  [UNIMPLEMENTED" in capsys.readouterr().out


def test_with_nothing_to_test_the_exit_code_is_two(capsys: pytest.CaptureFixture[str]):
    """No address, and one that nobody listens on."""
    nobody = f"127.0.0.1:{free_port()}"
    assert main([]) == 2
    assert main(["--target", nobody, "--http", nobody]) == 2
    said = capsys.readouterr().err
    assert "give TARGET=host:port" in said
    assert f"{nobody} cannot be reached" in said


@pytest.mark.parametrize("flags", [["--target", "localhost"], ["--target", "a:1", "--topics", "one,two"]])
def test_what_cannot_be_an_address_or_three_topics_is_said(flags: list[str], capsys: pytest.CaptureFixture[str]):
    """The value is named."""
    with pytest.raises(SystemExit):
        main(flags)
    assert f"{flags[-1]!r} is not" in capsys.readouterr().err


def test_the_scoreboard_is_written_as_markdown(tmp_path: Path):
    """OUT names the file."""
    with Toy("any method") as toy:
        assert conformance(toy, "--only", "G1.5", "--title", "The toy", "--out", str(tmp_path / "out.md")) == 0
    written = (tmp_path / "out.md").read_text()
    assert written.startswith("## The toy\n\n| level | pass | fail | not run |\n")
    assert "| G1.5 | SHOULD | A method that there is not is answered UNIMPLEMENTED. | **fail** | OK | gRPC" in written


def test_a_bar_in_what_was_seen_does_not_end_the_cell():
    """It is escaped."""
    assert "| a \\| b |" in markdown([made("G1.1", Level.MUST, Outcome.FAIL, "a | b")], "Title")


def test_results_are_counted_by_level():
    """And in all."""
    results = [made("G1.1", Level.MUST, Outcome.PASS), made("G1.2", Level.MAY, Outcome.FAIL)]
    assert [(name, found[Outcome.PASS], found[Outcome.FAIL]) for name, found in counts(results)] == [
        ("MUST", 1, 0),
        ("SHOULD", 0, 0),
        ("MAY", 0, 1),
        ("all", 1, 1),
    ]
    assert row(results[0]) == "G1.1   MUST   pass     A sentence."


@pytest.mark.parametrize(("target", "code"), [(None, 5), ("127.0.0.1:1", 0)], ids=["no-target", "target"])
def test_pytest_collects_the_lines_only_with_a_target(target: str | None, code: int):
    """Without one there is nothing to collect, and nothing to skip."""
    environment = {**os.environ, "OTLP_TARGET": target or "", "KAFKA_OTLP_REQUIRE": ""}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "conformance"]
    assert subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == code
