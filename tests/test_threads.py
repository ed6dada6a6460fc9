"""Tasks shared out among threads."""

import os
import signal
import threading
import time

import pytest
from threadpoolctl import threadpool_info

from eventsnn.threads import in_threads, later, matrix_products_on_one_thread


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
    done, begun = [], threading.Barrier(2)

    def work(n):
        begun.wait()
        if n == 0:
            raise ValueError("first")
        time.sleep(0.05)
        done.append(n)

    with pytest.raises(ValueError, match="first"):
        in_threads(work, range(2), 2)
    assert done == [1]


def test_the_error_of_the_first_task_that_has_one_is_raised_and_no_more_are_begun():
    seen, begun = [], threading.Barrier(2)

    def work(n):
        seen.append(n)
        if n < 2:
            begun.wait()
            time.sleep(0.05 * (1 - n))
            raise ValueError(f"task {n}")

    with pytest.raises(ValueError, match="task 0"):
        in_threads(work, range(9), 2)
    assert sorted(seen) == [0, 1]


def test_a_task_may_share_out_tasks_of_its_own():
    def inner(n):
        return sum(in_threads(lambda k: k, range(n), 2))

    assert in_threads(inner, range(6), 2) == [0, 0, 1, 3, 6, 10]


def test_ctrl_c_is_passed_on_when_no_task_runs_any_more():
    done, begun = [], threading.Barrier(2)

    def work(_):
        begun.wait()
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        time.sleep(0.05)
        done.append(True)

    with pytest.raises(KeyboardInterrupt):
        in_threads(work, range(2), 2)
    assert done == [True]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_done_later_gives_its_answer_or_its_error_when_asked(threads):
    def fail():
        raise ValueError("later")

    answer, error = later(threading.get_ident, threads), later(fail, threads)
    assert (answer() == threading.get_ident()) == (threads == 1)
    with pytest.raises(ValueError, match="later"):
        error()


def test_work_for_later_goes_on_beside_the_callers():
    begun, go = threading.Event(), threading.Event()

    def work():
        begun.set()
        return go.wait(10)

    answer = later(work, 2)
    assert begun.wait(10)
    go.set()
    assert answer()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_process_has_threads_of_its_own():
    assert later(lambda: 1, 2)() == 1
    child = os.fork()
    if not child:
        os._exit(later(lambda: 7, 2)())
    for _ in range(1000):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
    assert done and os.waitstatus_to_exitcode(status) == 7


def test_nobody_who_comes_late_is_taken_for_one_who_has_ended():
    def work(n):
        time.sleep(0.001 if n > 8 else 0)
        return n

    for _ in range(200):
        assert in_threads(work, range(12), 20) == list(range(12))


def test_no_number_of_threads_exhausts_the_system():
    before = threading.active_count()
    assert in_threads(lambda k: k + 1, range(300), 10**25) == list(range(1, 301))
    assert later(lambda: 7, 10**25)() == 7
    assert threading.active_count() - before < 300


def test_matrix_products_keep_to_one_thread_and_have_their_own_number_again():
    def numbers():
        every = [one for one in threadpool_info() if one["user_api"] == "blas"]
        return [
            one["num_threads"] for one in every if "scipy.libs" not in one["filepath"]
        ]  # numpy's

    before = numbers()
    with matrix_products_on_one_thread():
        inside = numbers()
    assert before and set(inside) == {1} and numbers() == before
