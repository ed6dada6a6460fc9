"""The door of a run: events, times and options are checked here, once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.kernel import allocating
from eventsnn.network import Network

Events = EventStream | EventBatch


class Inputs(NamedTuple):
    """Recordings to run.

    Attributes
    ----------
    t : int64 or int32 array (n_events,)
    unit : integer array (n_events,), in range of the input population
    start : int64 array (n_recordings + 1,)
    until : float64 array (n_recordings,)
        Each recording runs over the instants before it, microseconds.
    source : str
        Where the events come from, for errors.
    """

    t: NDArray[Any]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    until: NDArray[np.float64]
    source: str

    def recording(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Return one recording's (t, unit) before its ``until``, in order of (t, unit)."""
        first, last = int(self.start[index]), int(self.start[index + 1])
        t = self.t[first:last].astype(np.float64)
        unit = self.unit[first:last].astype(np.int32)
        wrong = sort_ties(t, unit)
        if wrong >= 0:
            raise DataError(
                f"{self.source}[{index}]: event {wrong} at {int(t[wrong])} us comes after one at "
                f"{int(t[wrong - 1])} us; sort the events by time"
            )
        stop = int(np.searchsorted(t, self.until[index]))
        return t[:stop], unit[:stop]


def inputs(network: Network, events: Events, until_us: ArrayLike | None = None) -> Inputs:
    """Check recordings against a network.

    Parameters
    ----------
    until_us : float, or one a recording
        Run over the instants before it; None for each recording's duration, infinity
        until nothing more happens.
    """
    size = network.populations[network.input].size
    if math.prod(events.shape) != size:
        raise UserError(
            f"{events.source}: a sensor of {events.shape} has {math.prod(events.shape)} units, but "
            f"the input {network.populations[network.input].name} has {size}; make them equal"
        )
    if isinstance(events, EventStream):
        start = np.array([0, len(events)], np.int64)
        duration = np.array([events.duration], np.float64)
    else:
        start, duration = events.start, events.duration.astype(np.float64)
    # A batch may be a memory-mapped file nobody has checked, and kernels index by unit.
    least = 0 if events.unit.dtype.kind == "u" else events.unit.min(initial=0)
    if least < 0 or events.unit.max(initial=0) >= size:
        i = int(np.flatnonzero((events.unit < 0) | (events.unit >= size))[0])
        raise DataError(
            f"{events.source}: unit of event {i} is {events.unit[i]}; give 0 to {size - 1}"
        )
    until = duration
    if until_us is not None:
        until = np.broadcast_to(np.asarray(until_us, np.float64), duration.shape)
    if not np.all(until >= 0):
        raise UserError(f"simulate: until_us is {until_us!r}; give microseconds >= 0, or infinity")
    return Inputs(events.t, events.unit, start, until, events.source)


@allocating
def sort_ties(t: Any, unit: Any) -> int:
    """Sort simultaneous events by unit, in place; return the first event out of order or -1.

    The order of ties in a file thus never reaches a sum.
    """
    n = len(t)
    first = 0
    while first < n:
        last = first + 1
        ordered = True
        while last < n and t[last] == t[first]:
            ordered = ordered and unit[last] >= unit[last - 1]
            last += 1
        if last < n and t[last] < t[first]:
            return last
        if not ordered:
            unit[first:last].sort()
        first = last
    return -1
