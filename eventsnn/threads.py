"""Work shared out among threads that stay: making them anew costs as much as a stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")


def in_threads(work: Callable[[S], T], tasks: Iterable[S], threads: int) -> list[T]:
    """Do all tasks and return their answers in the order of the tasks.

    An error, or Ctrl-C, is passed on when no task runs any more: tasks write into arrays.
    """
    tasks = list(tasks)
    if threads < 2 or len(tasks) < 2:
        return [work(task) for task in tasks]
    futures = [_pool(threads).submit(work, task) for task in tasks]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)
