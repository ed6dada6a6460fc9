"""The door of a run: events, times and options are checked here, once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.events.checked import TIME_END, Shape
from eventsnn.given import check_no_mask
from eventsnn.kernels.compile import allocating
from eventsnn.network import Network, Population
from eventsnn.text import shown

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

    Raises
    ------
    UserError
        For a sensor of another shape than the input population, and for events, durations
        or ends that no engine can take.
    """
    if not isinstance(events, EventStream | EventBatch):
        raise UserError(
            f"simulate: events is a {type(events).__name__}; give an EventStream or an EventBatch"
        )
    check_sensor(network.populations[network.input], events.shape, events.source)
    size = network.populations[network.input].size
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
    until = duration if until_us is None else _ends(until_us, duration.shape)
    fine = (until >= 0) & ((until <= TIME_END) | np.isinf(until))
    if not fine.all():
        i = int(np.argmin(fine))
        raise UserError(
            f"simulate: {'duration' if until_us is None else 'until_us'} is {until[i]} (recording "
            f"{i}); give microseconds from 0 to 2**53, or until_us=infinity. Are these "
            "nanoseconds? Divide by 1000"
        )
    if np.isinf(until).any():
        _check_room(network, events)
    return Inputs(events.t, events.unit, start, until, events.source)


def check_sensor(population: Population, sensor: Shape, source: str) -> None:
    """Refuse recordings of another sensor than an input population stands for.

    Plain units, of a shape (n,), say nothing of a sensor: then the number must agree. Sides
    of 1 before the others do not count: (34, 34) is (1, 34, 34).
    """
    shape, own = population.shape, tuple(sensor)
    fits = shape == own or (len(shape) == 1 and shape[0] == math.prod(own))
    if fits or _without_ones(shape) == _without_ones(own):
        return
    raise UserError(
        f"{source}: a sensor of {own} (polarities, height, width) has {math.prod(own)} units, but "
        f"the input {population.name} is {shape} and has {population.size}; make the shapes equal"
    )


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without the sides of 1 that lead it."""
    first = next((i for i, side in enumerate(shape) if side != 1), len(shape))
    return shape[first:]


def _ends(until_us: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return one end a recording."""
    check_no_mask(until_us, "simulate: until_us")
    try:
        ends = np.asarray(until_us)
        if ends.dtype.kind not in "iuf":
            raise TypeError(f"dtype {ends.dtype}")
        return np.broadcast_to(ends.astype(np.float64), shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(
            f"simulate: until_us is {shown(until_us)}; give one number, or one for each of "
            f"{shape[0]} recordings"
        ) from error


def _check_room(network: Network, events: Events) -> None:
    """Refuse an open end where what the events send would be due at 2**53 us or later."""
    longest = sum(c.greatest_delay for c in network.connections)
    if int(events.t.max(initial=0)) + longest >= TIME_END:
        raise UserError(
            f"{events.source}: with events up to {events.t.max()} us and delays of {longest} us in "
            "all, spikes may be due at 2**53 us or later; subtract the first time, or give until_us"
        )


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
