"""How the fast path cuts its recordings: into tasks for threads, and a long one into spans."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from eventsnn.engines.inputs import Inputs
from eventsnn.threads import MOST_THREADS

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
    events = int(start[-1] - start[0])
    threads = min(threads, MOST_THREADS)
    if threads == 1 and 0 < events <= CHUNK:
        yield [Span(0, len(start) - 1, int(start[0]), int(start[-1]))]
        return
    rounds = max(1, -(-events // (threads * CHUNK)))
    # As many tasks for each thread, and about as many events in each task.
    ends = start[0] + np.linspace(0, events, threads * rounds + 1)[1:-1]
    long = np.flatnonzero(np.diff(start) > CHUNK)
    cuts = [[0, len(start) - 1], np.searchsorted(start, ends), long, long + 1]
    for first, last in pairwise(np.unique(np.concatenate(cuts)).astype(int).tolist()):
        yield list(_cut(recordings, Span(first, last, int(start[first]), int(start[last]))))


def _cut(recordings: Inputs, whole: Span) -> Iterator[Span]:
    """Cut the span of one long recording, between two instants each time."""
    t, begin = recordings.t, whole.begin
    alone = whole.last - whole.first == 1
    while alone and whole.end - begin > CHUNK:
        end = begin + CHUNK
        while end < whole.end and t[end] == t[end - 1]:
            end += 1
        if end < whole.end and t[end] < t[end - 1]:
            recordings.recording(whole.first)
        yield whole._replace(begin=begin, end=end)
        begin = end
    yield whole._replace(begin=begin)
