"""What engines made of a network and its weights, kept for the next run of the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Pool:
    """Buffers and laid out weights by a key; each is used by one run at a time.

    Runs that overlap, in threads, make one each. What a run that failed used is let go.
    """

    def __init__(self) -> None:
        self._free: dict[Hashable, list[Any]] = {}
        self._shared: dict[Hashable, Any] = {}

    def shared(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what is kept under ``key``, which no run changes, or what ``make`` makes."""
        if key not in self._shared:
            self._shared[key] = make()
        kept: T = self._shared[key]
        return kept

    @contextmanager
    def using(self, key: Hashable, make: Callable[[], T]) -> Iterator[T]:
        """Lend what is kept under ``key``, or what ``make`` makes."""
        free = self._free.setdefault(key, [])
        try:
            one = free.pop()  # of two threads that ask, one gets it
        except IndexError:
            one = make()
        yield one
        free.append(one)
