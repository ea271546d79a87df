"""What a resync need not look at."""

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.loop.resync_memory import Unchanged

EDGE, OTHER = Key("telemetry", "edge"), Key("telemetry", "other")
ONE, TWO = frozenset({"1"}), frozenset({"1", "2"})


def reconcile(unchanged: Unchanged, key: Key, *, settled: bool = True) -> None:
    """From begin to end."""
    unchanged.begin(key)
    unchanged.end(key, settled=settled)


def test_what_found_nothing_to_do_is_left_alone_until_it_changes():
    """The resource itself, or anything that was made for it; what is new is looked at."""
    unchanged = Unchanged()
    assert unchanged.look({EDGE: ONE}) == [EDGE]
    reconcile(unchanged, EDGE)
    assert unchanged.look({EDGE: ONE, OTHER: ONE}) == [OTHER]
    assert unchanged.look({EDGE: TWO, OTHER: ONE}) == [EDGE, OTHER]
    reconcile(unchanged, EDGE)
    assert unchanged.look({EDGE: ONE}) == [EDGE]


def test_what_is_not_settled_is_looked_at_each_time():
    """Also when an earlier reconcile of the same versions was."""
    unchanged = Unchanged()
    unchanged.look({EDGE: ONE})
    reconcile(unchanged, EDGE, settled=False)
    assert unchanged.look({EDGE: ONE}) == [EDGE]


def test_only_what_was_read_after_the_listing_counts():
    """A reconcile that had begun before may have read something older."""
    unchanged = Unchanged()
    unchanged.begin(EDGE)
    unchanged.look({EDGE: ONE})
    unchanged.end(EDGE, settled=True)
    assert unchanged.look({EDGE: ONE}) == [EDGE]
    reconcile(unchanged, EDGE)
    assert unchanged.look({EDGE: ONE}) == []


def test_a_second_reconcile_that_did_something_takes_nothing_for_settled():
    """What it wrote is another version, which the next listing tells."""
    unchanged = Unchanged()
    unchanged.look({EDGE: ONE})
    reconcile(unchanged, EDGE, settled=False)
    reconcile(unchanged, EDGE)
    assert unchanged.look({EDGE: ONE}) == [EDGE]


def test_what_is_gone_is_forgotten():
    """And is new when it comes again."""
    unchanged = Unchanged()
    unchanged.look({EDGE: ONE})
    reconcile(unchanged, EDGE)
    assert unchanged.look({}) == []
    assert unchanged.look({EDGE: ONE}) == [EDGE]
