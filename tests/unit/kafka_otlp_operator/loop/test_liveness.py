"""Whether the operator still works, on a clock that a test winds."""

from kafka_otlp_operator.loop.liveness import Liveness


class Clock:
    """Seconds, as a test says."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def made() -> tuple[Liveness, Clock]:
    """The liveness of an operator that lists everything every 120 seconds, and its clock."""
    clock = Clock()
    return Liveness(120, clock), clock


def test_one_that_stands_by_is_well():
    """It has begun no work, and nothing waits."""
    found, clock = made()
    clock.now += 100_000
    assert (found.stopped(0), found.late(), found.age()) == ([], None, 0)


def test_work_that_does_not_end_is_named():
    """Although the work on others goes on."""
    found, clock = made()
    found.begin("telemetry/hung")
    for _ in range(7):
        assert found.stopped(0) == []
        clock.now += 100
        found.begin("telemetry/edge")
        found.end("telemetry/edge")
    assert found.stopped(0) == ["the work on telemetry/hung has taken more than 600 s"]
    found.end("telemetry/hung")
    assert found.stopped(0) == []


def test_resources_that_wait_while_nothing_is_begun_are_a_dead_queue():
    """A long queue that moves is none."""
    found, clock = made()
    for _ in range(20):
        clock.now += 100
        found.begin("telemetry/edge")
        found.end("telemetry/edge")
        assert found.stopped(500) == []
    clock.now += 601
    assert found.stopped(500) == ["500 resources wait, and no work has begun for 600 s"]
    assert found.stopped(0) == []


def test_a_queue_waits_behind_long_work():
    """Work may take its time, however long there was none before. The queue counts from the end of the work."""
    found, clock = made()
    clock.now += 500
    found.begin("telemetry/edge")
    clock.now += 500
    assert found.stopped(500) == []
    found.end("telemetry/edge")
    clock.now += 500
    assert found.stopped(500) == []


def test_a_resync_that_is_tried_is_alive_and_late():
    """While the API server is away /livez does not fail, and /readyz says why the operator is not ready."""
    found, clock = made()
    found.resync(listed=True)
    clock.now += 360
    assert found.late() is None
    clock.now += 1
    assert found.late() == "the resources could not be listed for 361 s"
    clock.now -= 361
    for _ in range(100):
        clock.now += 60
        found.resync(listed=False)
        assert found.stopped(0) == []
    assert found.late() == "the resources could not be listed for 6000 s"
    assert found.age() == 6000
    found.resync(listed=True)
    assert found.late() is None


def test_a_resync_that_is_not_even_tried_is_dead():
    """After three periods, and the time that one reconcile may take."""
    found, clock = made()
    found.resync(listed=True)
    clock.now += 960
    assert found.stopped(0) == []
    clock.now += 1
    assert found.stopped(0) == ["no resync has been tried for 960 s"]
