"""Work shared out among threads that stay: making them anew costs as much as a stage.

The caller is one of them. A thread that only waits is woken whenever there is an answer, and
takes a core from one that works.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")


def cores() -> int:
    """Return how many threads run at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(work: Callable[[S], T], tasks: Iterable[S], threads: int) -> list[T]:
    """Do all tasks and return their answers in the order of the tasks.

    They are begun in that order. After an error no more are, and that of the first task that
    has one is raised, as is Ctrl-C, when none runs any more: tasks write into arrays.
    """
    left = deque(enumerate(tasks))
    helpers = min(threads, len(left)) - 1
    answers: dict[int, T] = {}
    errors: dict[int, Exception] = {}

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

    futures = [_pool(threads - 1).submit(take) for _ in range(helpers)]
    try:
        take()
    finally:
        left.clear()
        begun = [future for future in futures if not future.cancel()]
        wait(begun)
    for future in begun:
        future.result()
    if errors:
        raise errors[min(errors)]
    return [answers[number] for number in sorted(answers)]


@cache
def _pool(helpers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(helpers)
