"""The bytes that may be held at one time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from kafka_otlp_exporter.flow.budget import Budget
from tests.beds.process import wait_until


def test_bytes_are_taken_until_none_are_free():
    """The last byte can be taken, and not one more."""
    budget = Budget(10)
    assert budget.take(4)
    assert budget.take(6)
    assert not budget.take(1)
    assert budget.taken == 10


def test_what_is_given_back_can_be_taken_again():
    """Nothing is lost on the way."""
    budget = Budget(10)
    assert budget.take(10)
    budget.give(10)
    assert budget.take(10)


def test_a_refused_take_takes_nothing():
    """What is left stays free for a smaller one."""
    budget = Budget(10)
    assert budget.take(8)
    assert not budget.take(3)
    assert budget.take(2)


def test_who_waits_is_woken_once():
    """The second time that bytes are given back, nobody waits."""
    budget, woken = Budget(10), list[int]()
    budget.take(10)
    budget.when_given(lambda: woken.append(budget.taken))
    budget.give(4)
    budget.give(6)
    assert woken == [6]


def test_the_waker_may_wait_again_from_within():
    """It runs outside of the lock."""
    budget, woken = Budget(10), list[int]()
    budget.take(10)

    def wake() -> None:
        woken.append(budget.taken)
        budget.when_given(wake)

    budget.when_given(wake)
    budget.give(4)
    budget.give(6)
    assert woken == [6, 0]


def test_threads_take_and_give_without_losing_a_byte():
    """Never more than the total is taken, and in the end none is."""
    budget = Budget(3)
    over = []

    def work() -> None:
        for _ in range(5000):
            if budget.take(2):
                over.append(budget.taken) if budget.taken > 3 else None
                budget.give(2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (budget.taken, over) == (0, [])


def test_more_is_taken_at_once_where_it_is_free():
    """When it is not free, nothing is taken."""
    budget = Budget(10)
    assert budget.take(4)
    assert budget.extend(6, 0)
    assert budget.taken == 10
    assert not budget.extend(1, 0)
    assert not budget.extend(1, -5)
    assert budget.taken == 10


def test_who_waits_for_more_goes_before_who_begins():
    """Bytes that come free are kept for it. Then the others are woken."""
    budget, woken = Budget(10), threading.Event()
    assert budget.take(8)
    budget.when_given(woken.set)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(budget.extend, 5, 20)
        wait_until(lambda: budget.contended, 5, lambda: "it does not wait", 0.001)
        assert not budget.take(1)
        budget.give(1)
        assert woken.wait(5)
        woken.clear()
        budget.when_given(woken.set)
        assert not budget.take(1)
        assert not waiting.done()
        budget.give(3)
        assert waiting.result(5)
    assert woken.wait(5)
    assert budget.taken == 9
    assert not budget.contended
    assert budget.take(1)


def test_a_wait_in_vain_takes_nothing_and_wakes_the_others():
    """They had to wait because of it."""
    budget, woken = Budget(10), threading.Event()
    assert budget.take(8)
    budget.when_given(woken.set)
    began = time.monotonic()
    assert not budget.extend(5, 0.2)
    assert time.monotonic() - began >= 0.2
    assert woken.is_set()
    assert budget.taken == 8
    assert budget.take(2)


def test_a_wait_that_is_abandoned_ends():
    """The process must not wait for it."""
    budget, abandoned = Budget(10), threading.Event()
    assert budget.take(10)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(budget.extend, 5, 60, abandoned.is_set)
        wait_until(lambda: budget.contended, 5, lambda: "it does not wait", 0.001)
        abandoned.set()
        assert not waiting.result(5)
    assert budget.taken == 10


def test_giving_nothing_wakes_nobody():
    """There is nothing new to take."""
    budget, woken = Budget(10), list[int]()
    budget.when_given(lambda: woken.append(budget.taken))
    budget.give(0)
    assert woken == []


def test_an_extension_that_did_not_wait_wakes_nobody():
    """Nobody waited because of it. The waker stays for the bytes that are given back."""
    budget, woken = Budget(10), list[int]()
    assert budget.take(4)
    budget.when_given(lambda: woken.append(budget.taken))
    assert budget.extend(6, 0)
    assert not budget.extend(1, 0)
    assert woken == []
    budget.give(3)
    assert woken == [7]


def test_the_budget_is_contended_until_the_last_of_two_requests_has_its_bytes():
    """The first that gets its bytes does not end the turn of the second."""
    budget = Budget(10)
    assert budget.take(10)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(budget.extend, 1, 20)
        wait_until(lambda: budget.contended, 5, lambda: "the first does not wait", 0.001)
        second = threads.submit(budget.extend, 3, 20)
        wait_until(lambda: budget._extending == 2, 5, lambda: "the second does not wait", 0.001)
        budget.give(1)
        assert first.result(10)
        assert budget.contended
        budget.give(3)
        assert second.result(10)
    assert not budget.contended


def test_a_wait_in_vain_wakes_the_others_once():
    """Bytes that are given back later wake nobody a second time."""
    budget, woken = Budget(10), list[int]()
    assert budget.take(10)
    budget.when_given(lambda: woken.append(budget.taken))
    assert not budget.extend(1, 0.01)
    budget.give(10)
    assert woken == [10]
