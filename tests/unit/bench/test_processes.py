"""Reading /proc: the lines are those of proc(5)."""

import pytest

from tests.bench.processes import Stat, descendants, parse_stat, parse_status

AFTER_THE_NAME = "S 41 42 42 0 -1 4194560 900 80 1 0 11 7 500 60 20 0 4 0 1234 99 88"
STATUS = "Name:\tpython\nVmHWM:\t   93184 kB\nVmRSS:\t   81920 kB\nThreads:\t4\n"


@pytest.mark.parametrize("name", ["python", "a b", "a) S 7 7", "((", "tab\tand) )"])
def test_cpu_time_is_that_of_the_process_and_of_its_reaped_children(name: str):
    """utime 11, stime 7, cutime 500, cstime 60, whatever the program is called."""
    assert parse_stat(f"42 ({name}) {AFTER_THE_NAME}") == Stat(pid=42, parent=41, ticks=578)


def test_memory_is_in_bytes():
    assert parse_status(STATUS, "VmHWM") == 93184 * 1024
    assert parse_status(STATUS, "VmRSS") == 81920 * 1024


def test_a_process_that_is_ending_has_no_memory():
    assert parse_status("Name:\tpython\nState:\tZ (zombie)\n", "VmHWM") == 0


def test_descendants_are_found_in_any_order_and_strangers_are_not():
    stats = [Stat(9, 5, 1), Stat(1, 0, 1), Stat(5, 3, 1), Stat(3, 1, 1), Stat(4, 1, 1), Stat(6, 3, 1)]
    assert {stat.pid for stat in descendants(3, stats)} == {3, 5, 6, 9}


def test_a_process_that_has_ended_has_no_descendants():
    assert descendants(8, [Stat(1, 0, 1), Stat(3, 1, 1)]) == []
