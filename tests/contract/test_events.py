"""Events about resources, as ``kubectl describe`` shows them, from a real operator on a real API server."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.contract.operator_bed import Namespace, Operator, until

pytestmark = pytest.mark.kubernetes


def told(namespace: Namespace) -> list[tuple[str, str]]:
    """Type and reason of each Event of the resource, the oldest first."""
    selector = "involvedObject.kind=KafkaOtlpExporter,involvedObject.name=edge"
    events = json.loads(namespace.kubectl("get", "events", f"--field-selector={selector}", "-o", "json"))["items"]
    # Their names end in the microsecond of each.
    return [(event["type"], event["reason"]) for event in sorted(events, key=lambda event: event["metadata"]["name"])]


def test_each_transition_of_ready_is_one_event(operator: Operator, namespace: Namespace) -> None:
    """There is an Event when a resource becomes ready, invalid and valid again, and none while nothing changes."""
    namespace.apply({})
    until(lambda: len(namespace.list("pods")) == 1, "a pod")
    namespace.pods_ready()
    until(lambda: namespace.condition("Ready").get("status") == "True", "Ready=True")
    namespace.settle()
    before = told(namespace)
    assert before[-1] == ("Normal", "Available")
    assert "Warning" not in dict(before)
    assert all(one != other for one, other in itertools.pairwise(before))
    namespace.apply({"customConfig": {"batch.num.messages": "0"}})
    until(lambda: told(namespace) != before, "another event")
    namespace.apply({"customConfig": {"linger.msec": "1"}})
    until(lambda: "linger.msec" in namespace.condition("Ready")["message"], "other words for the same")
    namespace.apply({})
    until(lambda: namespace.condition("Ready").get("status") == "True", "Ready=True again")
    namespace.settle()
    assert told(namespace)[len(before) :] == [("Warning", "InvalidKafkaConfig"), ("Normal", "Available")]
    described = namespace.kubectl("describe", "koe", "edge")
    assert "librdkafka refuses the configuration" in described[described.index("Events:") :]
