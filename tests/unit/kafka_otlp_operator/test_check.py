"""The check of a configuration by librdkafka, in its child process."""

import json
import signal
from typing import Any

import pytest

from kafka_otlp_operator import check
from kafka_otlp_operator.check import Checker, producer_configuration
from kafka_otlp_operator.errors import NotYet
from tests.unit.kafka_otlp_operator.resources import SECURE, resource


@pytest.fixture(scope="module")
def checker():
    """One child process for the tests that leave it alone."""
    with Checker(timeout=20) as shared:
        yield shared


def test_fine(checker):
    """A configuration that librdkafka accepts has nothing wrong with it."""
    assert checker.check(resource(**SECURE, lingerMs=100)) is None


@pytest.mark.parametrize(
    ("custom", "sentence"),
    [
        (
            {"no.such": "1"},
            'spec.customConfig: librdkafka refuses the configuration: No such configuration property: "no.such".',
        ),
        ({"batch.num.messages": "0"}, "spec.customConfig: librdkafka refuses the configuration: "),
        ({"linger.ms": "9", "queue.buffering.max.ms": "8"}, "spec.customConfig: linger.ms and queue.buffering.max.ms"),
    ],
)
def test_wrong(checker, custom, sentence):
    """What librdkafka refuses comes back in its own words, with the field in front."""
    assert checker.check(resource(customConfig=custom)).startswith(sentence)


def test_contradiction(checker):
    """Options that cannot hold together are told in the resource's words, without asking librdkafka."""
    found = checker.check(resource(format="json"))
    assert found.startswith("spec.format: ")


def test_nothing_secret_and_no_file_is_asked():
    """The child is given no broker, no path and no real credential."""
    tls = {**SECURE["tls"], "clientCertSecretRef": {"name": "edge-tls"}}
    asked = producer_configuration(resource(**{**SECURE, "tls": tls}))
    assert not [name for name in asked if "location" in name or "broker.list" in name or "plugin" in name]
    assert asked["sasl.password"] == "placeholder"


def test_asked_once(checker, monkeypatch):
    """Resources that are alike cost one check."""
    asked = []
    monkeypatch.setattr(checker, "_ask", lambda question: asked.append(json.loads(question)))
    for _ in range(500):
        checker.check(resource(lingerMs=123))
    assert len(asked) == 1


def test_a_child_that_hangs_is_replaced():
    """A child that does not answer is killed, the question stays open, and the next child answers."""
    with Checker(timeout=20) as own:
        assert own.check(resource()) is None
        first: Any = own._child
        first.send_signal(signal.SIGSTOP)
        own._timeout = 0.2
        with pytest.raises(NotYet, match=r"within 0.2 s"):
            own.check(resource(lingerMs=1))
        assert first.returncode == -signal.SIGKILL
        own._timeout = 20
        assert own.check(resource(lingerMs=1)) is None
        assert own._child is not first


def test_a_child_that_died_is_replaced():
    """A child that died between two questions is replaced without anybody noticing."""
    with Checker(timeout=20) as own:
        assert own.check(resource()) is None
        child: Any = own._child
        child.kill()
        child.wait()
        assert own.check(resource(lingerMs=1)) is None


def test_memory_is_bounded(monkeypatch):
    """Answers are remembered up to a number, the oldest forgotten first."""
    monkeypatch.setattr(check, "_REMEMBERED", 2)
    own = Checker()
    monkeypatch.setattr(own, "_ask", lambda _: None)
    for linger in range(5):
        own.check(resource(lingerMs=linger))
    assert len(own._answers) == 2
