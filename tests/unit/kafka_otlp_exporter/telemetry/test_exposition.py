"""The metrics of several processes as one exposition."""

from functools import partial

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Delivered
from kafka_otlp_exporter.telemetry import exposition
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.metrics import METRICS, PREFIX, PROCESS


def process(delivered: int = 0, **kept: float) -> str:
    """The metrics of a process that has delivered this number of requests."""
    own = Telemetry()
    values = {row.name: kept.get(row.name, 0.0) for row in METRICS.values() if row.read}
    own.observe({name: partial(values.__getitem__, name) for name in values}, "1.2.3", "2.16.0")
    for _ in range(delivered):
        own.count_answer(Signal.LOGS, Delivered(), 0.003)
    return own.exposition().decode()


def value(text: bytes, name: str, **labels: str) -> float:
    """One sample; there is exactly one."""
    [found] = [
        sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if (sample.name, sample.labels) == (name, labels)
    ]
    return found


DELIVERED = {"signal": "logs", "outcome": "delivered"}


def test_counters_and_histograms_are_added_up():
    """With every bucket."""
    text = exposition.merged([process(2), process(3)], {})
    assert value(text, PREFIX + "requests_total", **DELIVERED) == 5
    assert value(text, PREFIX + "acknowledgement_seconds_count", signal="logs") == 5
    assert value(text, PREFIX + "acknowledgement_seconds_bucket", signal="logs", le="0.005") == 5
    assert value(text, PREFIX + "acknowledgement_seconds_bucket", signal="logs", le="0.001") == 0


@pytest.mark.parametrize(
    ("name", "expected"), [("in_flight_bytes", 5), ("open_calls", 5), ("kafka_connected", 2), ("workers", 2)]
)
def test_a_gauge_is_what_its_row_says(name: str, expected: float):
    """Bytes are added up; one worker without Kafka makes the exporter unconnected."""
    text = exposition.merged([process(**{name: 2}), process(**{name: 3})], {})
    assert value(text, PREFIX + name) == expected


def test_the_build_is_shown_once():
    """Two processes of one version still have one build_info of 1."""
    text = exposition.merged([process(), process()], {})
    assert value(text, PREFIX + "build_info", version="1.2.3", librdkafka="2.16.0") == 1


def test_what_a_process_had_counted_stays_when_it_has_ended():
    """Otherwise counters would go backwards; the gauges of the ended process are dropped."""
    first, second = process(2, in_flight_bytes=7), process(3, in_flight_bytes=1)
    ended = exposition.totals(first, {})
    text = exposition.merged([second], ended)
    assert value(text, PREFIX + "requests_total", **DELIVERED) == 5
    assert value(text, PREFIX + "acknowledgement_seconds_sum", signal="logs") == pytest.approx(0.015)
    assert value(text, PREFIX + "in_flight_bytes") == 1
    both = exposition.totals(second, ended)
    assert value(exposition.merged([process()], both), PREFIX + "requests_total", **DELIVERED) == 5


def test_a_process_that_said_nothing_yet_changes_nothing():
    """Such a process is still starting."""
    assert value(exposition.merged([process(2), ""], {}), PREFIX + "requests_total", **DELIVERED) == 2


def test_processes_are_the_supervisors_too():
    """CPU and memory are added up; open files are those of the process with the most."""
    own = exposition.SupervisorMetrics()
    alone = own.text().encode()
    text = exposition.merged([own.text(), process()], {})
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total"):
        assert value(text, name) > 1.5 * value(alone, name)
    assert value(text, "process_open_fds") < 1.5 * value(alone, "process_open_fds")
    assert value(text, "process_start_time_seconds") == value(alone, "process_start_time_seconds")


def test_restarts_are_the_supervisors():
    """Workers do not count restarts."""
    own = exposition.SupervisorMetrics()
    own.count_restart()
    assert value(exposition.merged([own.text(), process(), process()], {}), PREFIX + "worker_restarts_total") == 1


def test_the_exposition_has_the_metrics_of_one_process():
    """Exactly these, and each only once."""
    families = list(
        text_string_to_metric_families(
            exposition.merged([exposition.SupervisorMetrics().text(), process()], {}).decode()
        )
    )
    names = [family.name for family in families]
    assert len(set(names)) == len(names)
    ours = {PREFIX + name for name in (*METRICS, "build_info")}
    assert set(names) == ours | {name.removesuffix("_total") for name in PROCESS}
