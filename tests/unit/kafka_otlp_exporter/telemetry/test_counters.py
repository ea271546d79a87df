"""The exporter's own metrics."""

from collections.abc import Callable
from functools import partial

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kafka_otlp_exporter.otlp.signals import Signal
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Reason, Rejection, Unauthenticated, Unavailable
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.metrics import METRICS, PREFIX, PROCESS


def samples(own: Telemetry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of the exposition, by name and labels."""
    text = own.exposition().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(own: Telemetry, name: str, **labels: str) -> float:
    """One sample."""
    return samples(own)[PREFIX + name, frozenset(labels.items())]


@pytest.mark.parametrize(
    ("outcome", "label"),
    [
        (Delivered(), "delivered"),
        (Delivered(Rejection(3, "too large.")), "partial"),
        (Invalid("no."), "invalid"),
        (Unavailable(Reason.QUEUE_FULL, "full."), "unavailable"),
    ],
)
def test_an_answer_is_counted_by_signal_and_outcome(outcome: Outcome, label: str):
    """And with no other label."""
    own = Telemetry()
    own.count_answer(Signal.LOGS, outcome, None)
    counted = {
        labels: number
        for (name, labels), number in samples(own).items()
        if name == PREFIX + "requests_total" and number
    }
    assert counted == {frozenset({("signal", "logs"), ("outcome", label)}): 1.0}


def test_what_was_rejected_is_counted_in_items():
    """Three rejected spans of one request count as three, by their reasons."""
    own = Telemetry()
    own.count_answer(Signal.TRACES, Delivered(Rejection(3, "too large.", surplus=1)), 0.1)
    assert value(own, "rejected_items_total", signal="traces", reason="oversized") == 2
    assert value(own, "rejected_items_total", signal="traces", reason="surplus") == 1
    assert value(own, "rejected_items_total", signal="logs", reason="surplus") == 0


def test_a_refusal_is_counted_by_its_reason():
    """Every reason has a series from the start, so that an alert can be written before the first failure."""
    own = Telemetry()
    own.count_answer(Signal.LOGS, Unavailable(Reason.NOT_AUTHORIZED, "no."), 0.1)
    assert value(own, "unavailable_total", reason="NotAuthorized") == 1
    assert {
        reason for (name, labels) in samples(own) if name == PREFIX + "unavailable_total" for _, reason in labels
    } == set(Reason)


def test_only_requests_that_went_to_kafka_have_a_latency():
    """A refusal at once would make Kafka look fast."""
    own = Telemetry()
    own.count_answer(Signal.LOGS, Invalid("no."), None)
    own.count_answer(Signal.LOGS, Delivered(), 0.003)
    assert value(own, "acknowledgement_seconds_count", signal="logs") == 1
    assert value(own, "acknowledgement_seconds_bucket", signal="logs", le="0.0025") == 0
    assert value(own, "acknowledgement_seconds_bucket", signal="logs", le="0.005") == 1


def test_received_bytes_add_up():
    """By signal."""
    own = Telemetry()
    own.count_request(Signal.METRICS, 100)
    own.count_request(Signal.METRICS, 20)
    assert value(own, "received_bytes_total", signal="metrics") == 120


def kept(**given: float) -> dict[str, Callable[[], float]]:
    """The metrics that other modules hold: all 0, except the given ones."""
    values = {row.name: given.get(row.name, 0.0) for row in METRICS.values() if row.read}
    return {name: partial(values.__getitem__, name) for name in values}


def test_values_of_other_modules_are_read_at_each_scrape():
    """The other modules push nothing."""
    own, state = Telemetry(), {"in_flight_bytes": 7.0, "producer_rebuilds": 2.0}
    own.observe(kept() | {name: partial(state.__getitem__, name) for name in state}, "1.2.3", "2.16.0")
    assert (value(own, "in_flight_bytes"), value(own, "producer_rebuilds_total")) == (7, 2)
    state.update(in_flight_bytes=8, producer_rebuilds=3)
    assert (value(own, "in_flight_bytes"), value(own, "producer_rebuilds_total")) == (8, 3)


def test_every_metric_of_another_module_must_be_given():
    """Otherwise a metric could be missing and nobody would notice."""
    given = kept()
    del given["open_calls"]
    with pytest.raises(ValueError, match="open_calls"):
        Telemetry().observe(given, "1.2.3", "2.16.0")


def test_the_exposition_is_the_table():
    """It has every series of every metric in the table, and besides them only the process metrics."""
    own = Telemetry()
    own.observe(kept(), "1.2.3", "2.16.0")
    families = {family.name: family for family in text_string_to_metric_families(own.exposition().decode())}
    build = families.pop(PREFIX + "build_info")
    assert [(sample.labels, sample.value) for sample in build.samples] == [
        ({"version": "1.2.3", "librdkafka": "2.16.0"}, 1.0)
    ]
    ours = {name: family for name, family in families.items() if name.startswith(PREFIX)}
    assert ours.keys() == {PREFIX + name for name in METRICS}
    for row in METRICS.values():
        family = ours[PREFIX + row.name]
        assert (family.type, family.documentation) == (row.kind, row.help)
        series = {tuple(sample.labels[name] for name in row.labels) for sample in family.samples}
        assert series == set(row.series)
    others = {name for name, _ in samples(own)} - {sample.name for family in ours.values() for sample in family.samples}
    assert others == {*PROCESS, PREFIX + "build_info"}


def test_records_are_counted_with_their_bytes():
    """By Kafka's answer."""
    own = Telemetry()
    own.count_records(Signal.LOGS, 1, 100, delivered=True)
    own.count_records(Signal.LOGS, 1, 50, delivered=True)
    own.count_records(Signal.LOGS, 3, 7, delivered=False)
    assert value(own, "records_total", signal="logs", outcome="delivered") == 2
    assert value(own, "record_bytes_total", signal="logs", outcome="delivered") == 150
    assert value(own, "record_bytes_total", signal="logs", outcome="failed") == 7


@pytest.mark.parametrize(
    ("signal", "item", "outcome", "delivered"),
    [
        (Signal.TRACES, "span", Delivered(), 10),
        (Signal.TRACES, "span", Delivered(Rejection(3, "too large.")), 7),
        (Signal.METRICS, "metric", Delivered(Rejection(30, "too large.")), 10),
        (Signal.LOGS, "log_record", Unavailable(Reason.TIMED_OUT, "late."), 0),
    ],
)
def test_items_are_those_that_were_delivered(signal: Signal, item: str, outcome: Outcome, delivered: int):
    """Of metrics, data points are rejected, but metrics are counted."""
    own = Telemetry()
    own.count_answer(signal, outcome, 0.1, 10)
    assert value(own, "items_total", item=item, outcome="delivered") == delivered
    assert value(own, "items_total", item=item, outcome="unavailable") == (0 if delivered else 10)


def test_splits_and_reloads_are_counted():
    """A request that became several records; credentials that are used, and others that cannot be used."""
    own = Telemetry()
    own.count_split(Signal.TRACES)
    own.count_reload("credentials", taken=True)
    own.count_reload("credentials", taken=False)
    assert value(own, "split_requests_total", signal="traces") == 1
    assert value(own, "reloads_total", what="credentials", outcome="taken") == 1
    assert value(own, "reloads_total", what="credentials", outcome="refused") == 1


def test_two_telemetries_are_separate():
    """Each has its own registry."""
    first, second = Telemetry(), Telemetry()
    first.count_request(Signal.LOGS, 5)
    assert value(second, "received_bytes_total", signal="logs") == 0


def test_a_missing_token_is_counted_apart_from_a_malformed_request():
    """An administrator fixes the first, a programmer the second."""
    own = Telemetry()
    own.count_answer(Signal.LOGS, Unauthenticated("who?"), None)
    assert value(own, "requests_total", signal="logs", outcome="unauthenticated") == 1
    assert value(own, "requests_total", signal="logs", outcome="invalid") == 0


def test_reloads_are_counted_by_what_they_are_and_whether_they_could_be_used():
    """An alert on refused reloads comes before the old certificate expires."""
    own = Telemetry()
    own.count_reload("otlp_grpc_tls", taken=True)
    own.count_reload("otlp_grpc_tls", taken=False)
    own.count_reload("otlp_grpc_tls", taken=False)
    assert value(own, "reloads_total", what="otlp_grpc_tls", outcome="taken") == 1
    assert value(own, "reloads_total", what="otlp_grpc_tls", outcome="refused") == 2
