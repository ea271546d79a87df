"""Benches for the pipeline, and Kafkas that answer with errors or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.otlp.signals import Signal
from tests.beds.process import free_port
from tests.unit.kafka_otlp_exporter import librdkafka
from tests.unit.kafka_otlp_exporter.flow.pipeline_bench import Bench


@pytest.fixture
def bench() -> Iterator[Any]:
    """A function that starts a bench on brokers; its pipeline ends with the test."""
    benches: list[Bench] = []

    def start(bootstrap: str, custom: dict[str, str] | None = None, request_timeout: float = 10, **given: Any) -> Bench:
        names = {f"{signal.value}_topic": f"{signal.value}-{uuid.uuid4()}" for signal in Signal}
        options = Options(
            **{"brokers": bootstrap, "linger_ms": 0, "custom_config": custom or {}} | names | given,
            request_timeout=f"{request_timeout * 1000:.0f}ms",
        )
        benches.append(Bench(options, request_timeout))
        return benches[-1]

    yield start
    for made in benches:
        made.pipeline.stop()


@pytest.fixture
def faulty() -> Iterator[librdkafka.Cluster]:
    """A mock cluster that answers with errors on demand."""
    with librdkafka.cluster() as cluster:
        yield cluster


@pytest.fixture
def nobody() -> str:
    """The address of a Kafka that is not there."""
    return f"127.0.0.1:{free_port()}"
