"""Events: sorted times and unit addresses of one recording, or of many end to end.

A *unit* is one address of the sensor, ``(polarity, y, x)`` counted in C order:
``unit = (polarity * height + y) * width + x``. Times are integer microseconds.
Whatever enters here is checked once, at the door; what is inside is sorted, in
range and finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import DataError
from eventsnn.events_checked import Shape as Shape
from eventsnn.events_checked import check_range, check_times, checked_shape, whole_numbers

_INT32_MAX = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False)
class EventStream:
    """The events of one recording.

    Attributes
    ----------
    t : int64 array (n,)
        Microseconds since the start of the recording, non-decreasing, >= 0.
    unit : int32 array (n,)
        Address of each event, the C-order index into ``shape``.
    shape : (int, int, int)
        Polarities, height and width of the sensor.
    label : int or None
        Class of the recording.
    duration : int
        Microseconds; every event lies in [0, duration).

    Raises
    ------
    DataError
        If the events are unsorted, negative, not finite, out of the sensor, not
        whole numbers, or of different lengths: it names the index and the value.
    """

    t: NDArray[np.int64]
    unit: NDArray[np.int32]
    shape: Shape
    label: int | None = None
    duration: int = -1
    source: str = field(default="event stream", repr=False)

    def __post_init__(self) -> None:
        """Convert to the types of the class and check every event."""
        shape = checked_shape(self.shape, self.source)
        t = whole_numbers(self.t, "t", np.int64, self.source)
        unit = whole_numbers(self.unit, "unit", np.int64, self.source)
        if t.shape != unit.shape:
            raise DataError(
                f"{self.source}: {t.size} times but {unit.size} units; give one unit an event"
            )
        check_times(t, self.source)
        check_range(unit, "unit", math.prod(shape), self.source)
        end = int(t[-1]) + 1 if t.size else 0
        duration = end if self.duration < 0 else int(self.duration)
        if duration < end:
            raise DataError(
                f"{self.source}: duration {duration} us ends before event {t.size - 1} at "
                f"{t[-1]} us; give at least {end}"
            )
        if self.label is not None and self.label < 0:
            raise DataError(f"{self.source}: label {self.label}; classes count from 0")
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "t", t)
        object.__setattr__(self, "unit", unit.astype(np.int32))
        object.__setattr__(self, "duration", duration)
        object.__setattr__(self, "label", None if self.label is None else int(self.label))

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.t)

    @classmethod
    def from_structured(
        cls,
        events: NDArray[Any],
        shape: Sequence[int],
        *,
        label: int | None = None,
        duration: int = -1,
        source: str = "event array",
    ) -> EventStream:
        """Read a structured array with the fields ``t`` and any of ``x``, ``y``, ``p``.

        Fields are found *by name*: tonic's data sets order them differently.

        Parameters
        ----------
        events : structured array (n,)
            ``t`` in microseconds; a missing ``y`` or ``p`` counts as 0.
        shape : (int, int, int)
            Polarities, height and width of the sensor. tonic's ``sensor_size`` is
            (width, height, polarities): pass ``sensor_size[::-1]``.
        """
        names = events.dtype.names or ()
        if "t" not in names or "x" not in names:
            raise DataError(
                f"{source}: an event array needs the fields t and x (and y, p where the sensor "
                f"has them); this one has {', '.join(names) or 'no named fields'}"
            )
        sensor = checked_shape(shape, source)
        unit = np.zeros(len(events), np.int64)
        for name, size in zip(("p", "y", "x"), sensor, strict=True):
            unit *= size
            if name in names:
                value = whole_numbers(events[name], name, np.int64, source)
                check_range(value, name, size, source)
                unit += value
        return cls(events["t"], unit.astype(np.int32), sensor, label, duration, source)

    def to_structured(self) -> NDArray[np.void]:
        """Return a structured array with the int64 fields x, y, t, p (tonic's N-MNIST order)."""
        out = np.empty(len(self), np.dtype([(name, np.int64) for name in "xytp"]))
        out["x"], out["y"], out["t"], out["p"] = self.x, self.y, self.t, self.polarity
        return out

    @property
    def x(self) -> NDArray[np.int32]:
        """Column of each event, int32 (n,)."""
        return self.unit % np.int32(self.shape[2])

    @property
    def y(self) -> NDArray[np.int32]:
        """Row of each event, int32 (n,)."""
        return self.unit // np.int32(self.shape[2]) % np.int32(self.shape[1])

    @property
    def polarity(self) -> NDArray[np.int32]:
        """Polarity of each event, int32 (n,)."""
        return self.unit // np.int32(self.shape[1] * self.shape[2])

    def slice_time(self, start: int, stop: int) -> EventStream:
        """Return the events in [start, stop) microseconds; ``start`` becomes time 0."""
        if not 0 <= start <= stop:
            raise DataError(
                f"{self.source}: time slice [{start}, {stop}) us; need 0 <= start <= stop"
            )
        first, last = np.searchsorted(self.t, [start, stop])
        return replace(
            self,
            t=self.t[first:last] - start,
            unit=self.unit[first:last],
            duration=stop - start,
        )

    def slice_count(self, start: int, stop: int) -> EventStream:
        """Return events number ``start`` to ``stop - 1`` with their times unchanged."""
        if not 0 <= start <= stop:
            raise DataError(
                f"{self.source}: count slice [{start}, {stop}); need 0 <= start <= stop"
            )
        return replace(self, t=self.t[start:stop], unit=self.unit[start:stop])

    def shift(self, dx: int, dy: int) -> EventStream:
        """Move every event by whole pixels; events that leave the sensor are removed."""
        x, y = self.x.astype(np.int64) + dx, self.y.astype(np.int64) + dy
        _, height, width = self.shape
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        unit = (self.polarity * height + y) * width + x
        return replace(self, t=self.t[inside], unit=unit[inside])

    def split_polarity(self) -> tuple[EventStream, ...]:
        """Return one stream a polarity, each over a sensor of one polarity."""
        _, height, width = self.shape
        pixels = height * width
        return tuple(
            replace(
                self,
                t=self.t[self.polarity == p],
                unit=self.unit[self.polarity == p] - np.int32(p * pixels),
                shape=(1, height, width),
            )
            for p in range(self.shape[0])
        )


def merge(streams: Sequence[EventStream]) -> EventStream:
    """Merge recordings of one sensor into one, in order of time.

    Simultaneous events stand in the order of ``streams``. The label is the first
    stream's; the duration the longest.
    """
    if not streams:
        raise DataError("merge: no streams were given; give at least one")
    shapes = {stream.shape for stream in streams}
    if len(shapes) > 1:
        raise DataError(f"merge: the sensors differ ({sorted(shapes)}); merge equal ones")
    t = np.concatenate([stream.t for stream in streams])
    order = np.argsort(t, kind="stable")
    return replace(
        streams[0],
        t=t[order],
        unit=np.concatenate([stream.unit for stream in streams])[order],
        duration=max(stream.duration for stream in streams),
    )


@dataclass(frozen=True, eq=False)
class EventBatch:
    """Many recordings of one sensor, end to end; the arrays may be memory-mapped.

    Attributes
    ----------
    t : int32 array (n_events,)
        Microseconds since the start of the event's own recording.
    unit : uint16 or int32 array (n_events,)
        Addresses; uint16 where the sensor has at most 65,536 units.
    start : int64 array (n + 1,)
        Recording i owns the events start[i] to start[i + 1] - 1.
    label : int64 array (n,)
        Classes; -1 where unknown.
    duration : int64 array (n,)
        Microseconds a recording.
    shape : (int, int, int)
        Polarities, height and width of the sensor.

    The constructor trusts its arrays, so that a memory-mapped batch opens at once;
    build one from streams, or through a reader in ``eventsnn.data``, to have every
    event checked.
    """

    t: NDArray[np.int32]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    label: NDArray[np.int64]
    duration: NDArray[np.int64]
    shape: Shape
    source: str = field(default="event batch", repr=False)

    def __len__(self) -> int:
        """Return the number of recordings."""
        return len(self.label)

    @property
    def n_units(self) -> int:
        """Number of addresses of the sensor."""
        return math.prod(self.shape)

    def __getitem__(self, index: int) -> EventStream:
        """Return one recording as an EventStream (a checked copy)."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.source}: recording {index} of {len(self)}")
        index %= len(self)
        first, last = self.start[index], self.start[index + 1]
        return EventStream(
            self.t[first:last].astype(np.int64),
            self.unit[first:last].astype(np.int32),
            self.shape,
            None if self.label[index] < 0 else int(self.label[index]),
            int(self.duration[index]),
            f"{self.source}[{index}]",
        )

    def __iter__(self) -> Iterator[EventStream]:
        """Go through the recordings as EventStreams."""
        return (self[index] for index in range(len(self)))

    @classmethod
    def from_streams(cls, streams: Sequence[EventStream], source: str = "") -> EventBatch:
        """Lay streams of one sensor end to end."""
        if not streams:
            raise DataError(f"{source or 'event batch'}: no recordings; give at least one")
        shapes = {stream.shape for stream in streams}
        if len(shapes) > 1:
            raise DataError(
                f"{source or 'event batch'}: the sensors differ ({sorted(shapes)}); "
                "a batch holds recordings of one"
            )
        shape = streams[0].shape
        for stream in streams:
            if stream.duration > _INT32_MAX:
                raise DataError(
                    f"{stream.source}: lasts {stream.duration} us, a batch holds at most "
                    f"{_INT32_MAX}; cut it with slice_time"
                )
        sizes = np.array([len(stream) for stream in streams], np.int64)
        return cls(
            np.concatenate([stream.t for stream in streams]).astype(np.int32),
            np.concatenate([stream.unit for stream in streams]).astype(unit_dtype(shape)),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
            np.array([-1 if s.label is None else s.label for s in streams], np.int64),
            np.array([stream.duration for stream in streams], np.int64),
            shape,
            source or "event batch",
        )

    def part(self, first: int, last: int) -> EventBatch:
        """Return recordings ``first`` to ``last - 1`` as a batch that shares this one's events.

        Raises IndexError where there are none such.
        """
        if not 0 <= first <= last <= len(self):
            raise IndexError(f"{self.source}: recordings {first} to {last - 1} of {len(self)}")
        begin, end = self.start[first], self.start[last]
        return replace(
            self,
            t=self.t[begin:end],
            unit=self.unit[begin:end],
            start=self.start[first : last + 1] - begin,
            label=self.label[first:last],
            duration=self.duration[first:last],
        )

    def select(self, indices: ArrayLike) -> EventBatch:
        """Return the recordings ``indices``, in that order, as a batch of its own (a copy)."""
        wanted = np.asarray(indices)
        # An empty list becomes an array of floats.
        chosen = np.arange(len(self))[wanted if wanted.size else wanted.astype(np.int64)]
        pieces = [slice(self.start[i], self.start[i + 1]) for i in chosen]
        sizes = np.diff(self.start)[chosen]
        empty = slice(0, 0)
        return replace(
            self,
            t=np.concatenate([self.t[empty], *(self.t[p] for p in pieces)]),
            unit=np.concatenate([self.unit[empty], *(self.unit[p] for p in pieces)]),
            start=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
            label=np.asarray(self.label[chosen]),
            duration=np.asarray(self.duration[chosen]),
        )


def unit_dtype(shape: Shape) -> type[np.uint16] | type[np.int32]:
    """Return the smallest dtype that a batch stores the addresses of ``shape`` in."""
    return np.uint16 if math.prod(shape) <= 1 << 16 else np.int32
