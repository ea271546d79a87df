"""What a serving process says about itself, where no process is needed to see it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.settings import MEBIBYTE
from kafka_otlp_exporter.flow.admission import Admission
from kafka_otlp_exporter.flow.pipeline import Sent
from kafka_otlp_exporter.kafka.faults import Fault
from kafka_otlp_exporter.kafka.producer import Connection, Producer
from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Reason, Unavailable
from kafka_otlp_exporter.process import views
from kafka_otlp_exporter.process.views import Health, readings
from kafka_otlp_exporter.telemetry.admin import DEAD_SECONDS
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.metrics import METRICS

PROPERTIES = {"metadata.broker.list": "127.0.0.1:9", "sasl.password": "hunter2", "linger.ms": "5"}
TOTAL = 8 * MEBIBYTE


class Seen:
    """The views of a process whose producer and pipeline a test controls."""

    def __init__(self, connection: Connection, beat: float = 0.0) -> None:
        self.producer: Producer[Sent] = Producer(PROPERTIES)
        self.producer._connection = connection
        self.stop = asyncio.Event()
        self.health = Health(Options(), PROPERTIES, self.producer, self.stop)
        self.telemetry = Telemetry()
        self.admission = Admission(TOTAL, asyncio.get_running_loop())
        pipeline: Any = SimpleNamespace(oldest_beat=lambda: beat)
        self.views = self.health.views(self.admission, TOTAL, pipeline, self.telemetry)


UP = Connection(connected=True, fault=None)
NOT_YET = Connection(connected=False, fault=None)
DOWN = Connection(connected=False, fault=Fault("_RESOLVE", "no-such.invalid:9092/bootstrap: Failed to resolve"))


@pytest.mark.parametrize(
    ("connection", "reason", "sentence"),
    [
        (UP, "Connected", ""),
        (NOT_YET, "Connecting", "no broker has answered yet."),
        (DOWN, "NameNotResolved", "the name of Kafka at no-such.invalid:9092 cannot be resolved: "),
    ],
)
def test_readiness_and_status_say_why_kafka_is_not_reached(connection: Connection, reason: str, sentence: str):
    """Both in the same words."""

    async def run() -> None:
        seen = Seen(connection)
        ready, status = await seen.views.ready(), await seen.views.status()
        assert (status["kafka"]["connected"], status["kafka"]["reason"]) == (connection is UP, reason)
        assert status["kafka"]["message"].startswith(sentence)
        assert ready == (status["kafka"]["message"] or None)

    asyncio.run(run())


def test_a_process_that_drains_is_not_ready_and_says_so():
    """Also while Kafka is connected."""

    async def run() -> None:
        seen = Seen(UP)
        assert (await seen.views.ready(), (await seen.views.status())["state"]) == (None, "serving")
        seen.stop.set()
        assert (await seen.views.ready(), (await seen.views.status())["state"]) == ("draining", "draining")

    asyncio.run(run())


@pytest.mark.parametrize(("beat", "alive"), [(DEAD_SECONDS - 1, True), (DEAD_SECONDS, False), (float("inf"), False)])
def test_a_pipeline_that_stands_still_is_not_alive(beat: float, alive: bool):
    """After a minute, or at once when a thread has ended."""

    async def run() -> None:
        assert (await Seen(UP, beat).views.live() is None) == alive

    asyncio.run(run())


def test_the_status_shows_new_properties_and_when_they_came():
    """Without their secrets."""

    async def run() -> None:
        seen = Seen(UP)
        before = await seen.views.status()
        assert before["credentialsChanged"] is None
        assert before["producer"] == {**PROPERTIES, "sasl.password": "[redacted]"}
        seen.health.reconfigured({**PROPERTIES, "linger.ms": "7"})
        after = await seen.views.status()
        assert after["producer"]["linger.ms"] == "7"
        assert after["credentialsChanged"] >= before["startTime"]

    asyncio.run(run())


def test_the_status_shows_the_last_failure_and_the_load():
    """The load is what the admission holds at the moment."""

    async def run() -> None:
        seen = Seen(UP)
        assert (await seen.views.status())["lastFailure"] is None
        seen.telemetry.count_answer(Signal.LOGS, Unavailable(Reason.QUEUE_FULL, "full."), None)
        await seen.admission.reserve(1000, "client")
        status = await seen.views.status()
        failure = status["lastFailure"]
        assert (failure["reason"], failure["message"]) == ("QueueFull", "full.")
        assert (status["inFlightBytes"], status["maxInFlightBytes"], status["openCalls"]) == (1000, TOTAL, 0)

    asyncio.run(run())


def test_there_is_a_reading_for_every_metric_that_is_read():
    """And each gives a number."""

    async def run() -> None:
        seen = Seen(UP)
        found = readings(seen.admission, seen.producer)
        assert found.keys() == {row.name for row in METRICS.values() if row.read}
        assert {name for name, read in found.items() if not isinstance(float(read()), float)} == set()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("sasl.oauthbearer.config", "principal=a", False),
        ("sasl.kerberos.kinit.cmd", "kinit -p hunter2", False),
        ("ssl.key.password", "hunter2", False),
        ("sasl.username", "edge", False),
        ("sasl.password", "1234", False),
        ("metadata.broker.list", "kafka:9092", True),
        ("batch.num.messages", "20000", True),
        ("enable.idempotence", "true", True),
    ],
)
def test_of_custom_config_only_numbers_and_switches_are_shown(name: str, value: str, shown: bool):
    """Of the options, all values except credentials are shown."""
    assert views._showable(name, value) is shown
