"""Whether the work goes on, on a clock that a test winds."""

from typing import Any

from kafka_otlp_operator.loop.liveness import Pulse


class Clock:
    """Seconds, as a test says."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def made() -> tuple[Pulse, Any]:
    """A pulse of an operator that lists everything every 120 seconds, and its clock."""
    clock = Clock()
    return Pulse(120, clock), clock


def test_one_that_stands_by_is_well():
    """It has begun nothing, and nothing waits."""
    pulse, clock = made()
    clock.now += 100_000
    assert (pulse.stopped(0), pulse.late(), pulse.age()) == ([], None, 0)


def test_work_that_does_not_end_is_named():
    """Though the others go on."""
    pulse, clock = made()
    pulse.begin("telemetry/hung")
    for _ in range(7):
        assert pulse.stopped(0) == []
        clock.now += 100
        pulse.begin("telemetry/edge")
        pulse.end("telemetry/edge")
    assert pulse.stopped(0) == ["the work on telemetry/hung has taken more than 600 s"]
    pulse.end("telemetry/hung")
    assert pulse.stopped(0) == []


def test_resources_that_wait_while_nothing_is_begun_are_a_dead_queue():
    """A long queue that moves is none."""
    pulse, clock = made()
    for _ in range(20):
        clock.now += 100
        pulse.begin("telemetry/edge")
        pulse.end("telemetry/edge")
        assert pulse.stopped(500) == []
    clock.now += 601
    assert pulse.stopped(500) == ["500 resources wait, and nothing was begun for 600 s"]
    assert pulse.stopped(0) == []


def test_a_resync_that_is_tried_is_alive_and_late():
    """While the API server is away the kubelet leaves the operator alone, and /readyz says what is the matter."""
    pulse, clock = made()
    pulse.resync(listed=True)
    for _ in range(100):
        clock.now += 60
        pulse.resync(listed=False)
        assert pulse.stopped(0) == []
    assert pulse.late() == "the resources could not be listed for 6000 s"
    assert pulse.age() == 6000
    pulse.resync(listed=True)
    assert pulse.late() is None


def test_a_resync_that_is_not_even_tried_is_dead():
    """After three times its period, and as long as its work may take."""
    pulse, clock = made()
    pulse.resync(listed=True)
    clock.now += 960
    assert pulse.stopped(0) == []
    clock.now += 1
    assert pulse.stopped(0) == ["nothing was listed, or tried to be, for 960 s"]
