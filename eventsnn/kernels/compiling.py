"""Who is told that a kernel is compiled, which takes seconds, and not found on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_told: list[Callable[[], None]] = []


@contextmanager
def when_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """Call ``tell`` once within the block, where a kernel must be compiled; else never."""

    def once() -> None:
        _told.remove(once)
        tell()

    _told.append(once)
    try:
        yield
    finally:
        if once in _told:
            _told.remove(once)


def told_of_compiling() -> None:
    """Tell everybody who waits for it."""
    for tell in [*_told]:
        tell()
