"""The exporter's own log."""

import json
import logging

import pytest
import structlog

from kafka_otlp_exporter.telemetry import logs


@pytest.fixture
def restored_logging():
    """Restores the root logger after the test."""
    root = logging.getLogger()
    handlers, level, access = root.handlers[:], root.level, logging.getLogger("aiohttp.access").level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("aiohttp.access").setLevel(access)


def test_each_event_is_one_line_of_json(restored_logging: None, capsys: pytest.CaptureFixture[str]):
    """Our events and those of libraries, with time, level and logger; a traceback stays within the line."""
    logs.configure_logging()
    logs.log.info("started", port=4317)
    logging.getLogger("librdkafka").error("FAIL [%s]", "a\nb")
    logs.log.error("request_failed", exc_info=RuntimeError("bug"))
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
    """A line that differs only in numbers passes once in 30 s; another failure passes at once."""
    seldom = logs._Seldom()

    def passes(text: str) -> bool:
        return bool(seldom.filter(logging.LogRecord("librdkafka", logging.ERROR, "", 0, text, None, None)))

    assert passes("kafka:9092: refused (after 12ms in state CONNECT)")
    assert not passes("kafka:9092: refused (after 7ms in state CONNECT)")
    assert passes("kafka:9092: unknown host")


def test_a_worker_says_which_it_is(restored_logging: None, capsys: pytest.CaptureFixture[str]):
    """Several workers write to one stream."""
    logs.configure_logging(worker=2)
    # Loggers remember the configuration of their first line.
    structlog.get_logger("another").info("worker_started")
    logging.getLogger("librdkafka").error("down")
    assert [json.loads(line)["worker"] for line in capsys.readouterr().err.splitlines()] == [2, 2]


def test_what_repeats_is_said_once_and_counted(restored_logging: None, capsys: pytest.CaptureFixture[str]):
    """Another cause is logged at once."""
    logs.configure_logging()
    now = 0.0
    voice = logs.Voice(lambda: now)
    for key in ("a", "a", "b"):
        voice.warn("request_unavailable", key)
    now = 30.0
    voice.warn("request_unavailable", "a")
    assert [json.loads(line)["unsaid"] for line in capsys.readouterr().err.splitlines()] == [0, 0, 1]
