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
    """It finds the records of its own run among those of earlier runs, and says what it leaves behind."""
    for number in range(2):
        answer = run_demo("--brokers", kafka.bootstrap())
        assert answer.returncode == 0, answer.stderr
        assert (
            "the demo writes records to otlp_traces, otlp_metrics, otlp_logs there, and deletes nothing"
            in answer.stdout
        )
        assert "Your Kafka keeps these records." in answer.stdout
        if number:
            assert "the topics that the brokers created" not in answer.stdout


@pytest.mark.kafka
def test_the_demo_names_the_topics_that_the_brokers_created_for_it(tmp_path: Path):
    """In a Kafka that had none of them."""
    with KafkaBroker(tmp_path) as fresh:
        fresh.create_topic("otlp_metrics")
        answer = run_demo("--brokers", fresh.bootstrap())
        assert answer.returncode == 0, answer.stderr
        assert "the topics that the brokers created for them: otlp_traces, otlp_logs." in answer.stdout


def test_the_demo_says_in_one_sentence_that_kafka_does_not_answer():
    """Exit code 1 and a sentence that names the address, no stack trace."""
    nowhere = f"127.0.0.1:{free_port()}"
    answer = run_demo("--brokers", nowhere)
    assert answer.returncode == 1
    assert f"Kafka at {nowhere} cannot be reached: check the address" in answer.stderr
    assert "The demo uses neither TLS nor SASL." in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_demo_does_not_blame_tls_for_a_broker_name_that_does_not_resolve():
    """It says that the name cannot be resolved."""
    answer = run_demo("--brokers", "no-such-broker.invalid:9092")
    assert answer.returncode == 1
    assert "the name of Kafka at no-such-broker.invalid:9092 cannot be resolved" in answer.stderr
    assert "TLS" not in answer.stderr
