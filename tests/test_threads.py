"""Tasks shared out among threads."""

import threading
import time

import pytest

from eventsnn.threads import in_threads


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_answers_stand_in_the_order_of_the_tasks(threads):
    assert in_threads(lambda n: n * n, range(20), threads) == [n * n for n in range(20)]


def test_threads_stay_for_the_next_time():
    def who(_):
        time.sleep(0.01)
        return threading.get_ident()

    first = set(in_threads(who, range(6), 2))
    assert len(first) == 2 and set(in_threads(who, range(6), 2)) == first


def test_an_error_is_passed_on_when_no_task_runs_any_more():
    done = []

    def work(n):
        if n == 0:
            raise ValueError("first")
        time.sleep(0.05)
        done.append(n)

    with pytest.raises(ValueError, match="first"):
        in_threads(work, range(2), 2)
    assert done == [1]
