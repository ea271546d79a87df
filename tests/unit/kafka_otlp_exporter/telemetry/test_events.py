"""The table of events, and the code that logs them."""

import ast
from pathlib import Path

import kafka_otlp_exporter
from kafka_otlp_exporter.telemetry.events import EVENTS

LEVELS = {"info", "warning", "error", "exception", "warn"}
PACKAGE = Path(kafka_otlp_exporter.__file__).parent


def logged() -> set[str]:
    """The events that the code logs: literal first arguments of calls on ``log``, of a Voice, and of ``_say``."""
    found = set()
    for module in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(module.read_text())):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
                continue
            event, owner = call.args[0], ast.unparse(call.func.value)
            if not (isinstance(event, ast.Constant) and isinstance(event.value, str)):
                continue
            if (owner == "log" and call.func.attr in LEVELS) or (owner == "self._voice" and call.func.attr == "warn"):
                found.add(event.value)
            elif call.func.attr == "_say":
                found |= {event.value, f"worker_{event.value}"}
    return found


def test_every_event_is_in_the_table_and_the_table_has_no_other():
    """Every event in a log can be looked up in the documentation."""
    assert logged() == set(EVENTS)
