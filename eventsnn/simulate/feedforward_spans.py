"""How the fast path cuts its recordings: into tasks for threads, and a long one into spans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from eventsnn.simulate.inputs import Inputs

CHUNK = 1 << 18
"""Events that a layer takes in one go: few enough to bound the memory. A longer recording
is cut, and the layers go on where they stood."""


class Span(NamedTuple):
    """The events ``begin`` to ``end - 1``, of recordings ``first`` to ``last - 1``."""

    first: int
    last: int
    begin: int
    end: int


def tasks(recordings: Inputs, threads: int) -> Iterator[list[Span]]:
    """Cut recordings into tasks of about equally many events, at least one a thread.

    A task is one span of whole recordings, or the consecutive spans of a long one.
    """
    start = recordings.start
    n, events = len(start) - 1, int(start[-1] - start[0])
    size = max(1, min(CHUNK, -(-events // threads)))
    first = 0
    while first < n:
        last = int(np.searchsorted(start, start[first] + size, "right")) - 1
        last = min(n, max(last, first + 1))
        yield list(_cut(recordings, Span(first, last, int(start[first]), int(start[last]))))
        first = last


def _cut(recordings: Inputs, whole: Span) -> Iterator[Span]:
    """Cut the span of one long recording, between two instants each time."""
    t, begin = recordings.t, whole.begin
    while whole.end - begin > CHUNK:
        end = begin + CHUNK
        while end < whole.end and t[end] == t[end - 1]:
            end += 1
        if end < whole.end and t[end] < t[end - 1]:
            recordings.recording(whole.first)
        yield whole._replace(begin=begin, end=end)
        begin = end
    yield whole._replace(begin=begin)
