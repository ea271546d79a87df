"""The exporter's own metrics and logs."""

import json
import logging

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kafka_otlp_exporter import telemetry
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Reason, Rejection, Unauthenticated, Unavailable
from kafka_otlp_exporter.signals import Signal
from kafka_otlp_exporter.telemetry import Telemetry

PREFIX = "kafka_otlp_exporter_"


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
    """And under no other label."""
    own = Telemetry()
    own.count_answer(Signal.LOGS, outcome, None)
    counted = {
        labels: number
        for (name, labels), number in samples(own).items()
        if name == PREFIX + "requests_total" and number
    }
    assert counted == {frozenset({("signal", "logs"), ("outcome", label)}): 1.0}


def test_what_was_rejected_is_counted_in_items():
    """Three spans of one request are three."""
    own = Telemetry()
    own.count_answer(Signal.TRACES, Delivered(Rejection(3, "too large.")), 0.1)
    assert value(own, "rejected_items_total", signal="traces") == 3
    assert value(own, "rejected_items_total", signal="logs") == 0


def test_a_refusal_is_counted_by_its_reason():
    """Every reason has a series from the start, so that an alert can be written before it happens."""
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


def test_what_others_keep_is_read_at_each_scrape():
    """Nobody has to push it."""
    own, state = Telemetry(), {"bytes": 7, "connected": True, "rebuilds": 2}
    own.observe(lambda: state["bytes"], lambda: bool(state["connected"]), lambda: state["rebuilds"])
    assert (value(own, "in_flight_bytes"), value(own, "kafka_connected"), value(own, "producer_rebuilds_total")) == (
        7,
        1,
        2,
    )
    state.update(bytes=8, connected=False, rebuilds=3)
    assert (value(own, "in_flight_bytes"), value(own, "kafka_connected"), value(own, "producer_rebuilds_total")) == (
        8,
        0,
        3,
    )


def test_every_metric_is_the_exporters_or_the_processs():
    """One prefix, and the names that every dashboard knows; no series of when a series was made."""
    names = {name for name, _ in samples(Telemetry())}
    assert [name for name in names if not name.startswith((PREFIX, "process_"))] == []
    assert [name for name in names if name.endswith("_created")] == []
    assert "process_resident_memory_bytes" in names


def test_two_telemetries_do_not_meet():
    """Each has a registry of its own."""
    first, second = Telemetry(), Telemetry()
    first.count_request(Signal.LOGS, 5)
    assert value(second, "received_bytes_total", signal="logs") == 0


@pytest.fixture
def restored_logging():
    """The root logger as it was."""
    root = logging.getLogger()
    handlers, level, access = root.handlers[:], root.level, logging.getLogger("aiohttp.access").level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("aiohttp.access").setLevel(access)


def test_each_event_is_one_line_of_json(restored_logging: None, capsys: pytest.CaptureFixture[str]):
    """Ours and those of libraries alike, with a time, a level and a name; an exception stays on its line."""
    telemetry.configure_logging()
    telemetry.log.info("started", port=4317)
    logging.getLogger("librdkafka").error("FAIL [%s]", "a\nb")
    telemetry.log.error("request_failed", exc_info=RuntimeError("bug"))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    ours, librdkafkas, failed = lines
    assert (ours["event"], ours["port"], ours["level"], ours["logger"]) == (
        "started",
        4317,
        "info",
        "kafka_otlp_exporter",
    )
    assert (librdkafkas["event"], librdkafkas["level"], librdkafkas["logger"]) == ("FAIL [a\nb]", "error", "librdkafka")
    assert "RuntimeError: bug" in failed["exception"]
    assert all(line["timestamp"].endswith("Z") for line in lines)


def test_librdkafka_repeats_itself_seldom():
    """Each attempt to connect fails with the same line but for its numbers; another failure is said at once."""
    seldom = telemetry._Seldom()

    def passes(text: str) -> bool:
        return bool(seldom.filter(logging.LogRecord("librdkafka", logging.ERROR, "", 0, text, None, None)))

    assert passes("kafka:9092: refused (after 12ms in state CONNECT)")
    assert not passes("kafka:9092: refused (after 7ms in state CONNECT)")
    assert passes("kafka:9092: unknown host")


def test_who_shows_no_token_is_counted_apart_from_what_is_malformed():
    """The one is repaired by an administrator, the other by a programmer."""
    own = Telemetry()
    own.count_answer(Signal.LOGS, Unauthenticated("who?"), None)
    assert value(own, "requests_total", signal="logs", outcome="unauthenticated") == 1
    assert value(own, "requests_total", signal="logs", outcome="invalid") == 0


def test_reloads_are_counted_by_what_they_are_and_whether_they_could_be_used():
    """An alert on unusable ones comes before the certificate's end."""
    own = Telemetry()
    own.count_reload("otlp_grpc_tls", usable=True)
    own.count_reload("otlp_grpc_tls", usable=False)
    own.count_reload("otlp_grpc_tls", usable=False)
    assert value(own, "reloads_total", what="otlp_grpc_tls", usable="true") == 1
    assert value(own, "reloads_total", what="otlp_grpc_tls", usable="false") == 2
