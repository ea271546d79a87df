"""The seam between the receivers and the rest of the exporter."""

import dataclasses
import subprocess
import sys

import pytest

from kafka_otlp_exporter.flow.request import Answer, Request
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Delivered


def test_receivers_and_the_seam_load_without_librdkafka():
    """A receiver is replaced, or tested, without Kafka's client in the process."""
    code = (
        "import sys, kafka_otlp_exporter.receivers.grpc, kafka_otlp_exporter.receivers.http;"
        "assert 'kafka_otlp_exporter.flow.request' in sys.modules;"
        "assert 'confluent_kafka' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_answer_to_what_did_not_go_to_kafka_has_no_seconds():
    """Nothing was acknowledged, so there is no time to observe."""
    assert Answer(7, Delivered()) == (7, Delivered(), 0, None)


def test_a_request_cannot_change_on_its_way():
    """Two threads hold it."""
    request = Request(1, Signal.LOGS, b"x", 0.0, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.payload = b"y"  # type: ignore[misc]
