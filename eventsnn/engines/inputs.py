"""What an engine is handed of the inputs: recordings, and generators, each of its population."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.counted import pack
from eventsnn.errors import DataError
from eventsnn.events import EventBatch, EventStream
from eventsnn.generators import SpikeGenerator
from eventsnn.kernels.compile import allocating, threaded

Events = EventStream | EventBatch
Train = tuple[NDArray[np.float64], NDArray[np.int32]]
"""(t, unit) of spikes, in order of (t, unit)."""


class Feed(ABC):
    """The spikes of one input population in one recording, which are asked for piece by piece.

    Attributes
    ----------
    population : int
    """

    population: int

    @abstractmethod
    def between(self, begin: float, end: float) -> Train:
        """Return those in [begin, end) microseconds."""

    @property
    @abstractmethod
    def rate(self) -> float:
        """Spikes a microsecond that are yet to be made; 0 for those that are there."""


@dataclass(frozen=True, eq=False)
class RecordedFeed(Feed):
    """Events of a recording."""

    population: int
    t: NDArray[np.float64]
    unit: NDArray[np.int32]

    def between(self, begin: float, end: float) -> Train:
        """Return views."""
        first, last = np.searchsorted(self.t, (begin, end))
        return self.t[first:last], self.unit[first:last]

    @property
    def rate(self) -> float:
        """All are there."""
        return 0.0


@dataclass(frozen=True)
class GeneratedFeed(Feed):
    """Spikes of a generator."""

    population: int
    size: int
    generator: SpikeGenerator

    def between(self, begin: float, end: float) -> Train:
        """Draw them."""
        span = math.ceil(begin), math.ceil(end)
        self.generator.check_room(self.size, *span)
        t, unit = self.generator.spikes(self.size, *span)
        return t.astype(np.float64), unit

    @property
    def rate(self) -> float:
        """Those of the generator."""
        return self.generator.rate(self.size)


class Recorded(NamedTuple):
    """Recordings of one input population.

    Attributes
    ----------
    t : int64 or int32 array (n_events,)
    unit : integer array (n_events,), in range of the population
    start : int64 array (n_recordings + 1,)
    source : str
        Where the events come from, for errors.
    packed : int
        The units of the population where its events are delivered with counts (``counted.py``).
    """

    t: NDArray[Any]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    source: str
    packed: int = 0

    def recording(self, index: int, until: float) -> Train:
        """Return one recording's (t, unit) before ``until``, in order of (t, unit), packed."""
        t, unit = self.as_recorded(index, until)
        if not self.packed:
            return t, unit
        n = packed_into(t, unit, self.packed)
        return t[:n], unit[:n]

    def sent(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        """Return (t, unit, start) of what is delivered, one event a delivery."""
        if not self.packed:
            return self.t, self.unit, self.start
        trains = [self.recording(i, math.inf) for i in range(len(self.start) - 1)]
        t = np.concatenate([np.zeros(0), *(t for t, _ in trains)])
        unit = np.concatenate([np.zeros(0, np.int32), *(unit for _, unit in trains)])
        return t, unit % self.packed, np.cumsum([0, *(len(t) for t, _ in trains)])

    def as_recorded(self, index: int, until: float) -> Train:
        """Return one recording's (t, unit) before ``until``, in order of (t, unit)."""
        first, last = int(self.start[index]), int(self.start[index + 1])
        t = self.t[first:last].astype(np.float64)
        unit = self.unit[first:last].astype(np.int32)
        wrong = sort_ties(t, unit)
        if wrong >= 0:
            raise DataError(
                f"{self.source}[{index}]: event {wrong} at {int(t[wrong])} us comes after one at "
                f"{int(t[wrong - 1])} us; sort the events by time"
            )
        stop = int(np.searchsorted(t, until))
        return t[:stop], unit[:stop]


class Inputs(NamedTuple):
    """Recordings to run.

    Attributes
    ----------
    until : float64 array (n_recordings,)
        Each recording runs over the instants before it, microseconds.
    given : dict from the number of an input population to Recorded
    drawn : tuple of GeneratedFeed
        Of the other input populations.
    """

    until: NDArray[np.float64]
    given: dict[int, Recorded]
    drawn: tuple[GeneratedFeed, ...] = ()

    @property
    def only(self) -> Recorded:
        """The recordings of the one input population of a network without others."""
        (found,) = self.given.values()
        return found

    @property
    def t(self) -> NDArray[Any]:
        """Times of the one input population's events."""
        return self.only.t

    @property
    def unit(self) -> NDArray[Any]:
        """Their units."""
        return self.only.unit

    @property
    def start(self) -> NDArray[np.int64]:
        """Where the recordings of the one input population begin, int64 (n_recordings + 1,)."""
        return self.only.start

    def recording(self, index: int) -> Train:
        """Return (t, unit) of one recording of the one input population."""
        return self.only.recording(index, self.until[index])

    def feeds(self, index: int) -> list[Feed]:
        """Return the spikes of every input population in one recording."""
        until = float(self.until[index])
        given = (RecordedFeed(p, *one.recording(index, until)) for p, one in self.given.items())
        return [*given, *self.drawn]

    def times(self, index: int) -> list[NDArray[np.float64]]:
        """Return the times of what was recorded of each input population."""
        until = float(self.until[index])
        return [one.recording(index, until)[0] for one in self.given.values()]

    def made(self) -> Inputs:
        """Return the same with what generators draw as recordings."""
        found = dict(self.given)
        for feed in self.drawn:
            trains = [feed.between(0.0, until) for until in self.until]
            start = np.concatenate([[0], np.cumsum([len(t) for t, _ in trains])])
            t, unit = (np.concatenate(column) for column in zip(*trains, strict=True))
            whole = t.astype(np.int64)
            found[feed.population] = Recorded(whole, unit, start, feed.generator.kind)
        return Inputs(self.until, found)


@threaded
def packed_into(t: Any, unit: Any, n: int) -> int:
    """Pack events in place; see ``counted.pack``."""
    left: int = pack(t, unit, n)
    return left


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
