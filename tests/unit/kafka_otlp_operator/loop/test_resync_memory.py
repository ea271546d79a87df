"""Which events and which listed resources ask for a reconcile."""

from typing import Any

import pytest

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import OperatorError
from kafka_otlp_operator.loop.resync_memory import Memory
from kafka_otlp_operator.reconcile import Result

EDGE, OTHER = Key("telemetry", "edge"), Key("telemetry", "other")
ONE, TWO = frozenset({"1"}), frozenset({"1", "2"})
LASTING = Result(lasting=True)


def reconcile(memory: Memory, key: Key, result: Result = LASTING) -> None:
    """From begin to end."""
    memory.begin(key)
    memory.end(key, result)


def test_a_resource_without_anything_to_do_is_left_alone_until_it_changes() -> None:
    """Either the resource itself, or an object that was made for it. A new resource is reconciled."""
    memory = Memory()
    assert memory.to_reconcile({EDGE: ONE}) == [EDGE]
    reconcile(memory, EDGE)
    assert memory.to_reconcile({EDGE: ONE, OTHER: ONE}) == [OTHER]
    assert memory.to_reconcile({EDGE: TWO, OTHER: ONE}) == [EDGE, OTHER]
    reconcile(memory, EDGE)
    assert memory.to_reconcile({EDGE: ONE}) == [EDGE]


def test_a_result_that_does_not_last_is_reconciled_at_each_resync() -> None:
    """Also when an earlier reconcile of the same versions had a lasting one."""
    memory = Memory()
    memory.to_reconcile({EDGE: ONE})
    reconcile(memory, EDGE, Result())
    assert memory.to_reconcile({EDGE: ONE}) == [EDGE]


def test_only_what_was_read_after_the_listing_counts() -> None:
    """A reconcile that had begun before the listing may have read something older."""
    memory = Memory()
    memory.begin(EDGE)
    memory.to_reconcile({EDGE: ONE})
    memory.end(EDGE, LASTING)
    assert memory.to_reconcile({EDGE: ONE}) == [EDGE]
    reconcile(memory, EDGE)
    assert memory.to_reconcile({EDGE: ONE}) == []


def test_a_second_reconcile_of_a_listing_settles_nothing() -> None:
    """The first one may have written: the versions that were listed are then not those that the second one has read."""
    memory = Memory()
    memory.to_reconcile({EDGE: ONE})
    reconcile(memory, EDGE, Result())
    reconcile(memory, EDGE)
    assert memory.to_reconcile({EDGE: ONE}) == [EDGE]


def test_a_reconcile_that_never_ended_settles_nothing() -> None:
    """The versions that it began with are not those of the next reconcile."""
    memory = Memory()
    memory.to_reconcile({EDGE: ONE})
    memory.begin(EDGE)
    reconcile(memory, EDGE)
    assert memory.to_reconcile({EDGE: ONE}) == [EDGE]


def test_a_resource_that_is_gone_is_forgotten() -> None:
    """It is new when it comes again."""
    memory = Memory()
    memory.to_reconcile({EDGE: ONE})
    reconcile(memory, EDGE)
    assert memory.to_reconcile({}) == []
    assert memory.to_reconcile({EDGE: ONE}) == [EDGE]


def metadata(**changed: Any) -> dict[str, Any]:
    """Of a resource, as events have it."""
    return {"uid": "u", "generation": 1, "resourceVersion": "1", "labels": {"a": "b"}, **changed}


def test_an_event_of_a_status_shows_no_new_version() -> None:
    """A label does not either, nor does an event that comes twice."""
    memory = Memory()
    assert memory.resource_changed(EDGE, metadata())
    same_version: list[dict[str, Any]] = [{}, {"resourceVersion": "2"}, {"labels": {}}]
    for same in same_version:
        assert not memory.resource_changed(EDGE, metadata(**same))
    assert memory.resource_changed(OTHER, metadata())


@pytest.mark.parametrize("changed", [{"uid": "v"}, {"generation": 2}, {"deletionTimestamp": "now"}], ids=str)
def test_an_event_of_a_new_version_shows_it_once(changed: dict[str, Any]) -> None:
    """Another resource of the same name, another specification, a deletion."""
    memory = Memory()
    memory.resource_changed(EDGE, metadata())
    assert memory.resource_changed(EDGE, metadata(**changed))
    assert not memory.resource_changed(EDGE, metadata(**changed))


def autoscaler(spec: Any = None, status: Any = None, kind: str = "HorizontalPodAutoscaler", **changed: Any) -> Any:
    """An object whose status others write."""
    return {"kind": kind, "metadata": metadata(**changed), "spec": spec or {"max": 5, "min": 1}, "status": status}


def test_an_event_of_the_status_of_an_object_shows_no_change() -> None:
    """Nor does one with the same specification in another order."""
    memory = Memory()
    assert memory.object_changed(EDGE, autoscaler(), gone=False)
    for same in (autoscaler(status={"current": 3}), autoscaler(resourceVersion="2"), autoscaler({"min": 1, "max": 5})):
        assert not memory.object_changed(EDGE, same, gone=False)


@pytest.mark.parametrize(
    "changed",
    [
        {"spec": {"max": 6, "min": 1}},
        {"uid": "v"},
        {"deletionTimestamp": "now"},
        {"labels": {}},
        {"annotations": {"a": "b"}},
        {"ownerReferences": []},
        {"kind": "PodDisruptionBudget"},
    ],
    ids=str,
)
def test_an_event_of_what_an_object_asks_for_shows_it_once(changed: dict[str, Any]) -> None:
    """Objects of another kind, or of another resource, are others."""
    memory = Memory()
    memory.object_changed(EDGE, autoscaler(), gone=False)
    assert memory.object_changed(EDGE, autoscaler(**changed), gone=False)
    assert not memory.object_changed(EDGE, autoscaler(**changed), gone=False)
    assert memory.object_changed(OTHER, autoscaler(**changed), gone=False)


def test_the_end_of_an_object_is_a_change_each_time() -> None:
    """And the next object of the name is new, even if it is the same."""
    memory = Memory()
    memory.object_changed(EDGE, autoscaler(), gone=False)
    assert memory.object_changed(EDGE, autoscaler(), gone=True)
    assert memory.object_changed(EDGE, autoscaler(), gone=True)
    assert memory.object_changed(EDGE, autoscaler(), gone=False)


def test_what_is_not_listed_any_more_is_forgotten() -> None:
    """So that the memory does not grow with every resource that there ever was."""
    memory = Memory()
    for key in (EDGE, OTHER):
        memory.resource_changed(key, metadata())
        memory.object_changed(key, autoscaler(), gone=False)
        reconcile(memory, key, Result({"status": "True"}))
    memory.to_reconcile({EDGE: ONE})
    assert memory.count("True") == 1
    assert [memory.resource_changed(key, metadata()) for key in (EDGE, OTHER)] == [False, True]
    assert [memory.object_changed(key, autoscaler(), gone=False) for key in (EDGE, OTHER)] == [False, True]


def test_resources_are_counted_by_what_their_status_says() -> None:
    """A failure says nothing new about it; a resource that is gone is not counted."""
    memory = Memory()

    def counts() -> list[int]:
        return [memory.count(status) for status in ("True", "False", "Unknown")]

    reconcile(memory, EDGE, Result({"status": "True"}))
    reconcile(memory, OTHER, Result({"status": "False"}))
    assert counts() == [1, 1, 0]
    reconcile(memory, OTHER, Result({"status": "Unknown"}, failure=OperatorError("not now")))
    reconcile(memory, EDGE, Result(failure=OperatorError("no answer")))
    assert counts() == [1, 0, 1]
    reconcile(memory, EDGE, Result())
    assert counts() == [0, 0, 1]


def test_a_resource_that_is_still_listed_is_still_counted() -> None:
    """A listing forgets the status of resources that it does not show, and of no others."""
    memory = Memory()
    for key in (EDGE, OTHER):
        reconcile(memory, key, Result(ready={"status": "True"}))
    memory.to_reconcile({EDGE: ONE})
    assert memory.count("True") == 1
    memory.to_reconcile({})
    assert memory.count("True") == 0
