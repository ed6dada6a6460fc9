"""Many recordings end to end: what engines and rules read.

The constructor checks the arrays once; what is inside is sorted, in range and finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import DataError
from eventsnn.events.batch_checked import Arrays, check_streams, checked_arrays, unit_dtype
from eventsnn.events.checked import (
    Shape,
    as_array,
    checked_shape,
    sensor_text,
    whole_number,
    whole_numbers,
)
from eventsnn.events.grid import checked_grid, coarser, on_grid, step_of, told
from eventsnn.events.stream import EventStream
from eventsnn.text import shown


@dataclass(frozen=True, eq=False)
class EventBatch:
    """Many recordings of one sensor, end to end; the arrays may be memory-mapped.

    They are checked once, here, and kept, not copied, where their dtypes are right: who
    writes into them afterwards must leave them as described.

    Attributes
    ----------
    t : int32 array (n_events,)
        Microseconds since the start of the event's own recording.
    unit : uint16 or int32 array (n_events,)
        Addresses; uint16 where the sensor has at most 65,536 units.
    start : int64 array (n + 1,)
        Recording i owns the events start[i] to start[i + 1] - 1, whose times do not fall.
    label : int64 array (n,)
        Classes; -1 where unknown.
    duration : int64 array (n,)
        Microseconds a recording; every event of it lies in [0, duration).
    shape : (int, int, int)
        Polarities, height and width of the sensor.
    grid_us : int
        See ``EventStream.on_grid``; 0: every time is exact.

    Raises
    ------
    DataError
        If lengths do not fit, or a value is not whole or out of range, or a recording's
        events are unsorted or reach beyond its duration: it names the recording, the
        event and the value.

    Examples
    --------
    >>> import eventsnn as es
    >>> streams = [es.EventStream([5, 9], [0, 1], (1, 1, 2), label=k) for k in (0, 1)]
    >>> batch = es.EventBatch.from_streams(streams)
    >>> len(batch), batch.label, batch[1]
    (2, array([0, 1]), <EventStream 2 events, 1x2x1, 0.01 ms, label 1>)
    """

    t: NDArray[np.int32]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    label: NDArray[np.int64]
    duration: NDArray[np.int64]
    shape: Shape
    source: str = field(default="event batch", repr=False)
    grid_us: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        """Check every event, and convert to the types of the class."""
        shape = checked_shape(self.shape, self.source)
        given = Arrays(self.t, self.unit, self.start, self.label, self.duration)
        found = checked_arrays(given, shape, self.source)
        for name, value in found._asdict().items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "grid_us", checked_grid(self.grid_us, self.source))

    def with_events(
        self,
        t: NDArray[np.int32],
        unit: NDArray[Any],
        start: NDArray[np.int64],
        label: NDArray[np.int64] | None = None,
        duration: NDArray[np.int64] | None = None,
        grid_us: int | None = None,
    ) -> EventBatch:
        """Return a batch of this sensor whose arrays the caller made right: nothing is checked.

        For events that come from a checked batch; everyone else calls the class. What is left out
        is this batch's own.
        """
        grid_us = self.grid_us if grid_us is None else grid_us
        label = self.label if label is None else label
        duration = self.duration if duration is None else duration
        arrays = Arrays(t, unit, start, label, duration)
        return _unchecked(arrays, self.shape, self.source, grid_us)

    def on_grid(self, grid_us: int) -> EventBatch:
        """Return the recordings with times on a grid; see ``EventStream.on_grid``."""
        step = coarser(grid_us, self.grid_us, self.source)
        t, unit = on_grid(self.t, self.unit, self.start, step, self.n_units)
        return self.with_events(t, unit, self.start, grid_us=step)

    def __len__(self) -> int:
        """Return the number of recordings."""
        return len(self.label)

    def __repr__(self) -> str:
        """Return one line of facts."""
        events = f"{int(self.start[-1] - self.start[0]):,} events"
        sensor = f"{sensor_text(self.shape)}{told(self.grid_us)}"
        return f"<EventBatch {len(self):,} recordings, {events}, {sensor}>"

    @property
    def n_units(self) -> int:
        """Number of addresses of the sensor."""
        return math.prod(self.shape)

    @overload
    def __getitem__(self, index: int) -> EventStream: ...

    @overload
    def __getitem__(self, index: slice | Sequence[int] | NDArray[Any]) -> EventBatch: ...

    def __getitem__(
        self, index: int | slice | Sequence[int] | NDArray[Any]
    ) -> EventStream | EventBatch:
        """Return one recording as an EventStream (a checked copy), or those of a slice or list."""
        if isinstance(index, slice):
            first, last, step = index.indices(len(self))
            if step == 1:
                return self.part(first, max(first, last))
            return self.select(np.arange(first, last, step))
        if not isinstance(index, int | np.integer):
            return self.select(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.source}: recording {index} of {len(self)}")
        index %= len(self)
        return EventStream(
            self.times_of(index).astype(np.int64),
            self.unit[self.start[index] : self.start[index + 1]].astype(np.int32),
            self.shape,
            None if self.label[index] < 0 else int(self.label[index]),
            int(self.duration[index]),
            f"{self.source}[{index}]",
            self.grid_us,
        )

    def __iter__(self) -> Iterator[EventStream]:
        """Go through the recordings as EventStreams."""
        return (self[index] for index in range(len(self)))

    def batches(self, size: int, rng: np.random.Generator | None = None) -> Iterator[EventBatch]:
        """Go through all recordings in minibatches; the last one may be smaller.

        Parameters
        ----------
        size : int
            Recordings of a minibatch.
        rng : numpy.random.Generator, optional
            Draws the order; without it they come as they stand.

        Raises
        ------
        DataError
            If ``size`` is no whole number of at least 1, or ``rng`` no Generator.
        """
        count = whole_number(size, "batches: size", self.source, "a whole number, at least 1")
        if count < 1:
            raise DataError(f"{self.source}: batches: size is {count}; give at least 1")
        if not isinstance(rng, np.random.Generator | None):
            raise DataError(
                f"{self.source}: batches: rng is {shown(rng)}; give numpy.random.default_rng(seed)"
            )
        if rng is None:
            return (self[k : k + count] for k in range(0, len(self), count))
        order = rng.permutation(len(self))
        return (self.select(order[k : k + count]) for k in range(0, len(self), count))

    @classmethod
    def from_streams(cls, streams: Sequence[EventStream], source: str = "") -> EventBatch:
        """Lay streams of one sensor end to end."""
        check_streams(streams, source)
        sizes = np.array([len(stream) for stream in streams], np.int64)
        arrays = Arrays(
            np.concatenate([stream.t for stream in streams]).astype(np.int32),
            np.concatenate([stream.unit for stream in streams]).astype(
                unit_dtype(streams[0].shape)
            ),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
            np.array([-1 if s.label is None else s.label for s in streams], np.int64),
            np.array([stream.duration for stream in streams], np.int64),
        )
        step = step_of({stream.grid_us for stream in streams})
        return _unchecked(arrays, streams[0].shape, source or "event batch", step)

    def times_of(self, index: int) -> NDArray[np.int32]:
        """Return the times of one recording, int32 (n_events,)."""
        return self.t[self.start[index] : self.start[index + 1]]

    def pieces(self, recordings: int, events: int) -> Iterator[EventBatch]:
        """Go through all recordings, some at a time, as batches that share these events.

        A piece has at most so many recordings, and at most so many events unless one recording
        has more.
        """
        first = 0
        while first < len(self):
            fits = int(np.searchsorted(self.start, self.start[first] + events, "right")) - 1
            last = min(max(fits, first + 1), first + recordings, len(self))
            yield self.part(first, last)
            first = last

    def beginning(self, recordings: int, events: int) -> EventBatch:
        """Return the first recordings, with the first events of all of them together alone."""
        few = self.part(0, min(recordings, len(self)))
        start = np.minimum(few.start, events)
        return few.with_events(few.t[: start[-1]], few.unit[: start[-1]], start)

    def at_hand(self, order: NDArray[np.int64]) -> tuple[EventBatch, NDArray[np.int64]]:
        """Return a batch whose ``t`` costs nothing, and where the recordings ``order`` are in it.

        Where this one's costs nothing, it is this one.
        """
        return self, order

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that decide what the recordings are, by name."""
        return {name: vars(self)[name] for name in ("t", "unit", "start", "label", "duration")}

    def part(self, first: int, last: int) -> EventBatch:
        """Return recordings ``first`` to ``last - 1`` as a batch that shares this one's events.

        Raises IndexError where there are none such.
        """
        self._check_part(first, last)
        begin, end = self.start[first], self.start[last]
        return self.with_events(
            t=self.t[begin:end],
            unit=self.unit[begin:end],
            start=self.start[first : last + 1] - begin,
            label=self.label[first:last],
            duration=self.duration[first:last],
        )

    def _check_part(self, first: int, last: int) -> None:
        if not 0 <= first <= last <= len(self):
            raise IndexError(f"{self.source}: recordings {first} to {last - 1} of {len(self)}")

    def select(self, indices: ArrayLike) -> EventBatch:
        """Return the recordings ``indices``, in that order, as a batch of its own (a copy)."""
        wanted = as_array(indices, "indices", self.source)
        if wanted.dtype.kind == "b":
            if wanted.shape != (len(self),):
                raise DataError(
                    f"{self.source}: {wanted.size} truth values for {len(self)} recordings; give "
                    "one each"
                )
            wanted = np.flatnonzero(wanted)
        wanted = whole_numbers(wanted, "index", np.int64, self.source, "recording")
        outside = np.flatnonzero((wanted < -len(self)) | (wanted >= len(self)))
        if outside.size:
            i = int(outside[0])
            raise DataError(f"{self.source}: recording {wanted[i]} of {len(self)} at place {i}")
        chosen = wanted % max(1, len(self))
        pieces = [slice(self.start[i], self.start[i + 1]) for i in chosen]
        sizes = np.diff(self.start)[chosen]
        empty = slice(0, 0)
        return self.with_events(
            t=np.concatenate([np.zeros(0, np.int32), *(self.times_of(i) for i in chosen)]),
            unit=np.concatenate([self.unit[empty], *(self.unit[p] for p in pieces)]),
            start=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
            label=np.asarray(self.label[chosen]),
            duration=np.asarray(self.duration[chosen]),
        )


def _unchecked(arrays: Arrays, shape: Shape, source: str, grid_us: int) -> EventBatch:
    made = object.__new__(EventBatch)
    vars(made).update(arrays._asdict(), shape=shape, source=source, grid_us=grid_us)
    return made
