"""``make demo``: what it shows, and how it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.beds.kafka import KafkaBroker
from tests.beds.process import free_port

ROOT = Path(__file__).parents[2]


def run_demo(*flags: str) -> subprocess.CompletedProcess[str]:
    """The demo's output and exit code."""
    return subprocess.run(
        [sys.executable, "-m", "tools.demo", *flags], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_demo_shows_what_went_in_and_what_came_out():
    """Exit code 0, nothing on stderr, and the three topics with their records."""
    answer = run_demo()
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    for expected in ("otlp_traces", "otlp_metrics", "otlp_logs", "value for value"):
        assert expected in answer.stdout


@pytest.mark.kafka
def test_the_demo_runs_against_a_real_kafka_again_and_again(kafka: KafkaBroker):
    """It finds the records of its own run among those of the runs before."""
    for _ in range(2):
        answer = run_demo("--brokers", kafka.bootstrap())
        assert answer.returncode == 0, answer.stderr
        assert "your Kafka" in answer.stdout


def test_the_demo_says_in_one_sentence_that_kafka_does_not_answer():
    """Exit code 1 and a sentence that names the address, no stack trace."""
    nowhere = f"127.0.0.1:{free_port()}"
    answer = run_demo("--brokers", nowhere)
    assert answer.returncode == 1
    assert nowhere in answer.stderr
    assert "Traceback" not in answer.stderr
