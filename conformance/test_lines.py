"""Each line of the table as a test, against the endpoint in OTLP_TARGET (and OTLP_HTTP)."""

from __future__ import annotations

import os

import pytest

from conformance import lines
from conformance.scoreboard import Outcome, run
from conformance.table import Line
from conformance.target import Need, Target, reached


@pytest.fixture(scope="session")
def target() -> Target:
    """The endpoint, its addresses tried once."""
    grpc = os.environ["OTLP_TARGET"]
    http = os.environ.get("OTLP_HTTP", f"{grpc.rpartition(':')[0]}:4318")
    return reached({Need.GRPC: grpc, Need.HTTP: http})


@pytest.mark.parametrize("line", lines.ALL, ids=lambda line: line.id)
def test_line(line: Line, target: Target):
    """The server does what the line says."""
    result = run(line, target)
    if result.outcome is Outcome.NOT_RUN:
        pytest.skip(result.seen)
    assert result.outcome is Outcome.PASS, f"{line.id} {line.level}: {line.sentence} Seen: {result.seen}"
