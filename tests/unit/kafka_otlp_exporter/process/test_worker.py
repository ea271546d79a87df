"""The start of a worker process; how it serves is tested in test_server."""

import subprocess
import sys

import pytest

from kafka_otlp_exporter.config import env
from kafka_otlp_exporter.process import worker
from kafka_otlp_exporter.process.channel import Refused
from kafka_otlp_exporter.process.startup import prepare
from tests.beds.process import clean_environment


def test_a_worker_without_a_supervisor_ends():
    """Its stdin is closed before an order came."""
    ended = subprocess.run(
        [sys.executable, "-m", "kafka_otlp_exporter.process.worker"],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1


def test_what_librdkafka_refuses_starts_nothing():
    """The message is a sentence."""
    configuration = env.parse(["start", "--kafka-exporter-custom-config=no.such=1"], {})
    with pytest.raises(Refused, match=r"librdkafka refuses the producer configuration: .*no\.such"):
        worker.run(prepare(configuration.options, configuration.settings))
