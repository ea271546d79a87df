"""Tests whose real system is missing are named at the end of the run, or fail it when nothing may be skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Kind:
    """A kind, one of its tests, the variable with its system's folder, and the sentence when the system is missing."""

    name: str
    test: str
    place: str
    sentence: str


KINDS = [
    Kind(
        "kafka",
        "tests/integration/test_demo.py::test_the_demo_runs_against_a_real_kafka_again_and_again",
        "PATH",
        "there is no Java on PATH; install Java 17",
    ),
    Kind(
        "collector",
        "tests/contract/test_collector_delivery.py",
        "KAFKA_OTLP_CACHE",
        "the Collector is not built; run: make assets",
    ),
]


def run_without(kind: Kind, folder: Path, workers: str = "0", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one test of a kind that looks for its system in an empty folder."""
    empty = folder / "empty"
    empty.mkdir()
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "not e2e", kind.test, "-p", "no:cacheprovider", "-n", workers],
        cwd=ROOT,
        env={**os.environ, kind.place: str(empty), "KAFKA_OTLP_REQUIRE": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("kind", "workers"),
    [
        pytest.param(KINDS[0], "0", id="in-one-process"),
        pytest.param(KINDS[0], "1", id="in-parallel"),
        *[pytest.param(kind, "0", id=kind.name) for kind in KINDS[1:]],
    ],
)
def test_a_kind_that_cannot_run_is_named_with_what_enables_it(kind: Kind, workers: str, tmp_path: Path):
    """The run passes, and its end says what was skipped and what to do."""
    answer = run_without(kind, tmp_path, workers)
    assert answer.returncode == 0, answer.stdout
    assert "1 skipped" in answer.stdout
    assert f"{kind.name}: 1 test; {kind.sentence}" in answer.stdout


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_that_cannot_run_fails_the_run_where_nothing_may_be_skipped(kind: Kind, tmp_path: Path):
    """The run ends with the same sentence and an exit code that is not 0."""
    answer = run_without(kind, tmp_path, KAFKA_OTLP_REQUIRE="all")
    assert answer.returncode != 0
    assert f"tests of kind {kind.name} cannot run: {kind.sentence}" in answer.stderr + answer.stdout
