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
    """One child process for all tests that do not kill it."""
    with Checker(timeout=20) as shared:
        yield shared


def test_fine(checker):
    """For a configuration that librdkafka accepts there is no sentence."""
    assert checker.check(resource(**SECURE, lingerMs=100)) is None


@pytest.mark.parametrize(
    ("custom", "sentence"),
    [
        (
            {"broker.address.family": "v5"},
            "spec.customConfig: librdkafka refuses the configuration: Invalid value",
        ),
        ({"queue.buffering.max.ms": "5s"}, "spec.customConfig: queue.buffering.max.ms has to be a number in digits"),
        ({"message.timeout.ms": "5m"}, "spec.customConfig: message.timeout.ms has to be a whole number in digits"),
        ({"acks": "2"}, "spec.customConfig: acks has to be 0, 1, -1 or all."),
        ({"batch.num.messages": "0"}, "spec.customConfig: librdkafka refuses the configuration: "),
        ({"linger.ms": "9", "queue.buffering.max.ms": "8"}, "spec.customConfig: linger.ms and queue.buffering.max.ms"),
    ],
)
def test_wrong(checker, custom, sentence):
    """A refusal has librdkafka's own words, with the field in front."""
    assert checker.check(resource(customConfig=custom)).startswith(sentence)


def test_contradiction(checker):
    """A contradiction of options is named in the resource's words, without librdkafka."""
    found = checker.check(resource(retries=0, customConfig={"enable.idempotence": "true"}))
    assert found.startswith("spec.retries: 0 contradicts")


def test_nothing_secret_and_no_file_is_asked():
    """The child is given no broker, no path and no real credential."""
    tls = {**SECURE["tls"], "clientCertSecretRef": {"name": "edge-tls"}}
    asked = producer_configuration(resource(**{**SECURE, "tls": tls}))
    assert not [name for name in asked if "location" in name or "broker.list" in name or "plugin" in name]
    assert asked["sasl.password"] == "placeholder"


def test_asked_once(checker, monkeypatch):
    """Equal configurations are checked once."""
    asked = []
    monkeypatch.setattr(checker, "_ask", lambda question: asked.append(json.loads(question)))
    for _ in range(500):
        checker.check(resource(lingerMs=123))
    assert len(asked) == 1


def test_a_child_that_hangs_is_replaced():
    """A child that does not answer is killed, nothing is remembered, and the next child answers."""
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
    """A child that ended between two questions is replaced, and the next question is answered."""
    with Checker(timeout=20) as own:
        assert own.check(resource()) is None
        child: Any = own._child
        child.kill()
        child.wait()
        assert own.check(resource(lingerMs=1)) is None


def deadly(monkeypatch, times: int) -> None:
    """Kill the child at each of the next questions."""
    left = [times]
    ask = Checker._ask

    def kill(own, question):
        if left[0]:
            left[0] -= 1
            child = own._child or own._start()
            child.kill()
            child.poll = lambda: None  # it dies while it is asked, not before
        return ask(own, question)

    monkeypatch.setattr(Checker, "_ask", kill)


def test_a_configuration_that_kills_is_told_as_such(monkeypatch):
    """After the first crash the check is tried again; after the second the configuration is refused, but not for ever."""
    deadly(monkeypatch, 2)
    with Checker(timeout=20) as own:
        with pytest.raises(NotYet, match="ended before it answered"):
            own.check(resource(customConfig={"linger.ms": "1"}))
        told = own.check(resource(customConfig={"linger.ms": "1"}))
        assert str(told).startswith("spec.customConfig: librdkafka crashes when it checks this configuration")
        # The answer was not remembered: the next check asks again, and librdkafka accepts.
        assert own.check(resource(customConfig={"linger.ms": "1"})) is None


def test_a_child_that_died_once_is_forgiven(monkeypatch):
    """One crash may have another cause: when the second try succeeds, the configuration is accepted."""
    deadly(monkeypatch, 1)
    with Checker(timeout=20) as own:
        with pytest.raises(NotYet, match="ended before it answered"):
            own.check(resource())
        assert own.check(resource()) is None
        assert own._deaths == {}


def test_memory_is_bounded(monkeypatch):
    """A limited number of answers is remembered; the oldest is forgotten first."""
    monkeypatch.setattr(check, "_REMEMBERED", 2)
    own = Checker()
    asked: list[str] = []
    monkeypatch.setattr(own, "_ask", lambda question: asked.append(json.loads(question)["queue.buffering.max.ms"]))
    for linger in (1, 2, 3, 2, 3, 1):
        own.check(resource(lingerMs=linger))
    assert asked == ["1", "2", "3", "1"]
    assert len(own._answers) == 2

    def die(_):
        raise check._Died

    monkeypatch.setattr(own, "_ask", die)
    for linger in range(10, 15):
        with pytest.raises(NotYet, match="ended before it answered"):
            own.check(resource(lingerMs=linger))
    assert len(own._deaths) == 2
