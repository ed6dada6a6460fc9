"""Work shared out among threads that stay: making them anew costs as much as a stage.

The caller is one of them. A thread that only waits is woken whenever there is an answer, and
takes a core from one that works. Work is handed over in a plain queue: ``concurrent.futures``
takes several times as long, and a stage of learning may be shorter than a millisecond.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import cache
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar, cast

T = TypeVar("T")
S = TypeVar("S")


MOST_THREADS = 256
"""Threads that are started, whatever a user asks for: a system has an end of them."""


def cores() -> int:
    """Return how many threads run at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(work: Callable[[S], T], tasks: Iterable[S], threads: int) -> list[T]:
    """Do all tasks and return their answers in the order of the tasks.

    They are begun in that order. After an error no more are, and that of the first task that
    has one is raised, as is Ctrl-C, when none runs any more: tasks write into arrays.
    """
    left = deque(enumerate(tasks))
    threads = min(threads, MOST_THREADS)
    total, helpers = len(left), min(threads, len(left)) - 1
    answers: dict[int, T] = {}
    errors: dict[int, Exception] = {}
    begun: list[SimpleQueue[None]] = []

    def take() -> None:
        while left:
            try:
                number, task = left.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                answers[number] = work(task)
            except Exception as error:  # noqa: BLE001 - it is raised below
                errors[number] = error
                left.clear()

    def help_out() -> None:
        ended: SimpleQueue[None] = SimpleQueue()
        begun.append(ended)
        try:
            take()
        finally:
            ended.put(None)

    for _ in range(helpers):
        _helpers(threads - 1).put(help_out)
    try:
        take()
    finally:
        left.clear()
        for ended in tuple(begun):  # who begins later finds nothing left
            ended.get()
    if errors:
        raise errors[min(errors)]
    return [answers[number] for number in range(total)]


def matrix_products_on_one_thread() -> AbstractContextManager[Any]:
    """Return a block in which numpy's matrix products keep to the thread that asks for them.

    By itself their library takes all cores, whoever else works on them.
    """
    found: AbstractContextManager[Any] = _matrix_libraries().limit(limits=1, user_api="blas")
    return found


@cache
def _matrix_libraries() -> Any:
    # scikit-learn brings it.
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


def later(work: Callable[[], T], threads: int) -> Callable[[], T]:
    """Begin work on a thread that stays; return what waits for its answer, or raises its error.

    With one thread the work is done when its answer is asked for, which is to be done once.
    """
    if threads < 2:
        return work
    threads = min(threads, MOST_THREADS)
    ended: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def run() -> None:
        try:
            ended.put((True, work()))
        except Exception as error:  # noqa: BLE001 - it is raised below
            ended.put((False, error))

    def wait() -> T:
        done, answer = ended.get()
        if not done:
            raise answer
        return cast(T, answer)

    _helpers(threads - 1).put(run)
    return wait


@cache
def _helpers(count: int) -> SimpleQueue[Callable[[], None]]:
    """Start threads that call what is put into the queue that this returns."""
    calls: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def serve() -> None:
        while True:
            calls.get()()

    for _ in range(count):
        Thread(target=serve, name="eventsnn", daemon=True).start()
    return calls


if hasattr(os, "register_at_fork"):  # threads do not follow into a child
    os.register_at_fork(after_in_child=_helpers.cache_clear)
