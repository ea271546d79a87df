"""OTLP/JSON between us and an OpenTelemetry Collector: each reads what the other writes as the same telemetry.

Nothing may differ but what ``kept`` leaves out; ``LOST`` has a sample of each, so that an exclusion that is not needed any
more fails.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.json_decode import decode
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.beds.collector import Collector, Wiring, wait_for_frames
from tests.beds.kafka import KafkaBroker
from tests.contract import telemetry
from tests.contract.collector_model import kept, without_minus_zero
from tests.contract.draws import drawn
from tests.contract.otlp import Client
from tests.laws.messages import DEPTH, messages, same

pytestmark = [pytest.mark.kafka, pytest.mark.collector]

MESSAGES_OF_A_SIGNAL = 100


def spans(**fields: Any) -> Message:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add(resource={"dropped_attributes_count": 1})
    resource.scope_spans.add(scope={"name": "sample"}).spans.add(name="sample", **fields)
    return request


def summary(**fields: Any) -> Message:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add(resource={"dropped_attributes_count": 1})
    metric = resource.scope_metrics.add(scope={"name": "sample"}).metrics.add(name="sample")
    metric.summary.data_points.add(count=1, **fields)
    return request


# Each lacks or has one thing only, or it would not show that just this is lost.
LOST: Mapping[str, tuple[Signal, Message]] = {
    "an absent message is an empty one": (Signal.TRACES, spans(trace_id=b"t" * 16)),
    "an id of zeros is none": (Signal.TRACES, spans(span_id=bytes(8), status={"code": 1})),
    "minus zero is zero": (Signal.METRICS, summary(sum=-0.0)),
    "every NaN is one NaN": (Signal.METRICS, summary(sum=math.nan)),
}


@cache
def batch(signal: Signal) -> list[Message]:
    """What is sent: samples first, then what hypothesis draws, then the request with most of what OTLP can say.

    Unknown fields, which JSON cannot hold, are not among it.
    """
    kind = SIGNALS[signal].request
    samples = [message for signal_of, message in LOST.values() if signal_of is signal]
    shapes = [kind(**fields) for fields in drawn(messages(kind.DESCRIPTOR, DEPTH), MESSAGES_OF_A_SIGNAL)]
    return [*samples, *shapes, telemetry.requests()[signal]]


class Between:
    """A Collector that reads JSON from one topic of each signal, and writes as JSON to another what it gets by OTLP."""

    def __init__(self, kafka: KafkaBroker, folder: Path) -> None:
        """Create the topics and start the Collector."""
        self._kafka = kafka
        self._folder = folder
        self._read = {signal.value: f"json-by-us-{signal}" for signal in Signal}
        self._written = {signal.value: f"json-by-the-collector-{signal}" for signal in Signal}
        for topic in [*self._read.values(), *self._written.values()]:
            kafka.create_topic(topic)
        wiring = Wiring()
        self._otlp = wiring.otlp()
        reader = wiring.from_kafka("json", kafka.bootstrap(), self._read, "otlp_json")
        writer = wiring.to_kafka("json", kafka.bootstrap(), self._written, "otlp_json", {})
        for signal in Signal:
            wiring.connect(signal, [reader], [wiring.to_file(signal, folder / signal)])
            wiring.connect(signal, ["otlp"], [writer])
        self.collector = Collector(folder, wiring)

    def read_by_it(self, signal: Signal, texts: list[bytes]) -> list[bytes]:
        """What it makes of JSON texts, serialised, in their order."""
        producer = Producer({"bootstrap.servers": self._kafka.bootstrap()})
        for text in texts:
            producer.produce(self._read[signal], text)
        assert producer.flush(30) == 0
        return wait_for_frames(self.collector, self._folder / signal, len(texts))

    def written_by_it(self, signal: Signal, payloads: list[bytes]) -> list[bytes]:
        """The JSON texts that it makes of serialised requests, in their order."""
        with Client(self._otlp) as client:
            for payload in payloads:
                client.send(signal, payload)
        return [record.value() or b"" for record in self._kafka.read(self._written[signal], len(payloads))]


@pytest.fixture(scope="module")
def between(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    """One for all tests of this module."""
    made = Between(kafka, tmp_path_factory.mktemp("collector"))
    with made.collector:
        made.collector.wait_ready()
        yield made


@pytest.fixture(scope="module")
def read(between: Between) -> dict[Signal, list[tuple[Message, Message]]]:
    """Each message of a signal's batch, with what the Collector has read of our JSON."""
    found = {}
    for signal, row in SIGNALS.items():
        sent = batch(signal)
        texts = [encode(message.SerializeToString(), row.request) for message in sent]
        frames = between.read_by_it(signal, texts)
        found[signal] = list(zip(sent, map(row.request.FromString, frames), strict=True))
    return found


@pytest.mark.parametrize("signal", Signal)
def test_the_collector_reads_our_json_as_what_was_sent(
    read: dict[Signal, list[tuple[Message, Message]]], signal: Signal
) -> None:
    """Whatever the message, unknown enum numbers, NaN and infinities among them."""
    assert len(read[signal]) > MESSAGES_OF_A_SIGNAL
    assert [(sent, found) for sent, found in read[signal] if not same(kept(found), kept(sent))] == []


@pytest.fixture(scope="module")
def written(between: Between) -> dict[Signal, list[tuple[Message, Message]]]:
    """Each message of a signal's batch that has an item, with what we read of the Collector's JSON.

    A request without any is answered with OK by its OTLP receiver, and passed to nobody.
    """
    found = {}
    for signal, row in SIGNALS.items():
        sent = [one for one in batch(signal) if wire.count_items(one.SerializeToString(), row.item_path)]
        texts = between.written_by_it(signal, [one.SerializeToString() for one in sent])
        found[signal] = [
            (one, row.request.FromString(decode(text, row.request)[0])) for one, text in zip(sent, texts, strict=True)
        ]
    return found


@pytest.mark.parametrize("signal", Signal)
def test_we_read_the_collectors_json_as_what_was_sent(
    written: dict[Signal, list[tuple[Message, Message]]], signal: Signal
) -> None:
    """But for the minus before a zero: the Collector writes ``-0``, which our JSON parser takes for the integer 0."""
    assert len(written[signal]) > MESSAGES_OF_A_SIGNAL // 3
    lost = [pair for pair in written[signal] if not same(without_minus_zero(pair[1]), without_minus_zero(pair[0]))]
    assert lost == []


def test_a_minus_before_a_zero_is_really_lost(written: dict[Signal, list[tuple[Message, Message]]]) -> None:
    """A request that has one comes back without."""
    sent, found = written[Signal.LOGS][-1]
    assert not same(kept(found), kept(sent))
    assert same(kept(found), without_minus_zero(sent))


@pytest.mark.parametrize("name", LOST)
def test_what_is_left_out_of_the_comparison_is_really_lost(
    read: dict[Signal, list[tuple[Message, Message]]], name: str
) -> None:
    """Each exclusion has a sample that comes back otherwise than it was sent."""
    signal, sample = LOST[name]
    [found] = [found for sent, found in read[signal] if same(sent, sample)]
    assert not same(found, sample)
    assert same(kept(found), kept(sample))
