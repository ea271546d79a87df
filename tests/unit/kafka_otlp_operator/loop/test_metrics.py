"""The operator's log and metrics."""

import json
import subprocess
import sys


def test_log_is_json():
    """A line of ours, a line of a library and an exception are one JSON object each."""
    program = """
import logging, structlog
from kafka_otlp_operator.loop.metrics import configure_log
configure_log()
structlog.stdlib.get_logger("ours").info("hello", name="edge")
logging.getLogger("theirs").warning("odd %s", "thing")
try:
    1 / 0
except ZeroDivisionError:
    structlog.stdlib.get_logger("ours").exception("crashed")
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr
    ours, theirs, crashed = map(json.loads, said.splitlines())
    assert (ours["event"], ours["name"], ours["level"], ours["logger"]) == ("hello", "edge", "info", "ours")
    assert (theirs["event"], theirs["level"]) == ("odd thing", "warning")
    assert "ZeroDivisionError" in crashed["exception"]
