"""A test whose real system this machine lacks is named at the end of the run, or fails it where nothing may be missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OF_KIND_KAFKA = "tests/integration/test_demo.py::test_the_demo_runs_against_a_real_kafka_again_and_again"


def run_without_java(folder: Path, workers: str = "0", **environment: str) -> subprocess.CompletedProcess[str]:
    """One test of kind kafka, on a PATH that has no Java."""
    empty = folder / "empty"
    empty.mkdir()
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "not e2e", OF_KIND_KAFKA, "-p", "no:cacheprovider", "-n", workers],
        cwd=ROOT,
        env={**os.environ, "PATH": str(empty), "KAFKA_OTLP_REQUIRE": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "1"], ids=["in-one-process", "in-parallel"])
def test_a_kind_that_cannot_run_is_named_with_what_enables_it(workers: str, tmp_path: Path):
    """The run passes, and its end says what was left out and what to install."""
    answer = run_without_java(tmp_path, workers)
    assert answer.returncode == 0, answer.stdout
    assert "1 skipped" in answer.stdout
    assert "kafka: 1 test; there is no Java on PATH; install Java 17" in answer.stdout


def test_a_kind_that_cannot_run_fails_the_run_where_nothing_may_be_skipped(tmp_path: Path):
    """The run ends with the same sentence and an exit code that is not 0."""
    answer = run_without_java(tmp_path, KAFKA_OTLP_REQUIRE="all")
    assert answer.returncode != 0
    assert "tests of kind kafka cannot run: there is no Java on PATH; install Java 17" in answer.stderr + answer.stdout
