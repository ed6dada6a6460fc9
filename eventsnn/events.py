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

from eventsnn.batch_checked import Arrays, checked_arrays
from eventsnn.batch_checked import unit_dtype as unit_dtype
from eventsnn.errors import DataError
from eventsnn.event_fields import event_fields
from eventsnn.events_checked import (
    INT32_MAX,
    TIME_END,
    as_array,
    check_range,
    check_times,
    checked_duration,
    checked_label,
    checked_shape,
    whole_number,
    whole_numbers,
)
from eventsnn.events_checked import Shape as Shape
from eventsnn.text import shown


@dataclass(frozen=True, eq=False)
class EventStream:
    """The events of one recording.

    Attributes
    ----------
    t : int64 array (n,)
        Microseconds since the start of the recording, non-decreasing, from 0 to 2**53 - 1.
    unit : int32 array (n,)
        Address of each event, the C-order index into ``shape``.
    shape : (int, int, int)
        Polarities, height and width of the sensor.
    label : int or None
        Class of the recording.
    duration : int
        Microseconds; every event lies in [0, duration). Until the last event by default.

    Raises
    ------
    DataError
        If the events are unsorted, negative, not finite, out of the sensor, not
        whole numbers, of different lengths or at 2**53 us and later, or the label is no
        class, or the duration ends before the last event: it names the index and the value.
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
        duration = checked_duration(self.duration, t, self.source)
        label = checked_label(self.label, self.source)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "t", t)
        object.__setattr__(self, "unit", unit.astype(np.int32))
        object.__setattr__(self, "duration", duration)
        object.__setattr__(self, "label", label)

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
        """Read a structured array with a field each for time, column, row and polarity.

        Fields are found *by name*, since tonic's data sets order them differently, or by
        numpy title: ``t``, ``ts``, ``time``, ``timestamp``; ``x``, ``col``, ``column``; ``y``,
        ``row``; ``p``, ``pol``, ``polarity``, ``on``; in upper or lower case. Other fields
        are not looked at.

        Parameters
        ----------
        events : structured array (n,)
            Times in microseconds. Of what the sensor has one only (rows of a line, say) the
            field may be missing.
        shape : (int, int, int)
            Polarities, height and width of the sensor. tonic's ``sensor_size`` is
            (width, height, polarities): pass ``sensor_size[::-1]``.

        Raises
        ------
        DataError
            If a field is missing, if two may be the same, or whatever the class refuses.
        """
        sensor = checked_shape(shape, source)
        columns = event_fields(events, sensor, source)
        unit = np.zeros(columns["t"].shape, np.int64)
        for name, size in zip(("p", "y", "x"), sensor, strict=True):
            unit *= size
            if name in columns:
                value = whole_numbers(columns[name], name, np.int64, source)
                check_range(value, name, size, source)
                unit += value
        return cls(columns["t"], unit.astype(np.int32), sensor, label, duration, source)

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

    def between(self, start: int, stop: int) -> EventStream:
        """Return the events in [start, stop) microseconds with their times unchanged.

        The clock stays that of the recording, so that a simulation goes on piece by piece
        from a state. The duration is ``stop``.
        """
        start, stop = self._span("between", start, stop)
        first, last = np.searchsorted(self.t, [start, stop])
        return replace(self, t=self.t[first:last], unit=self.unit[first:last], duration=stop)

    def slice_time(self, start: int, stop: int) -> EventStream:
        """Return the events in [start, stop) microseconds; ``start`` becomes time 0."""
        start, stop = self._span("time slice", start, stop)
        first, last = np.searchsorted(self.t, [start, stop])
        return replace(
            self,
            t=self.t[first:last] - start,
            unit=self.unit[first:last],
            duration=stop - start,
        )

    def _span(self, what: str, start: int, stop: int) -> tuple[int, int]:
        """Return two whole numbers of microseconds, in order."""
        start, stop = (
            whole_number(value, what, self.source, "whole microseconds") for value in (start, stop)
        )
        if not 0 <= start <= stop <= TIME_END:
            raise DataError(
                f"{self.source}: {what} [{shown(start)}, {shown(stop)}) us; need 0 <= start <= "
                "stop, at most 2**53"
            )
        return start, stop

    def slice_count(self, start: int, stop: int) -> EventStream:
        """Return events number ``start`` to ``stop - 1`` with their times unchanged."""
        start, stop = (
            whole_number(place, "count slice", self.source, "whole numbers of events")
            for place in (start, stop)
        )
        if not 0 <= start <= stop:
            raise DataError(
                f"{self.source}: count slice [{start}, {stop}); need 0 <= start <= stop"
            )
        return replace(self, t=self.t[start:stop], unit=self.unit[start:stop])

    def shift(self, dx: int, dy: int) -> EventStream:
        """Move every event by whole pixels; events that leave the sensor are removed."""
        dx, dy = (
            max(-INT32_MAX, min(INT32_MAX, whole_number(by, "shift", self.source, "whole pixels")))
            for by in (dx, dy)
        )
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
    streams = list(streams)
    for stream in streams:
        if not isinstance(stream, EventStream):
            raise DataError(f"merge: {shown(stream)} is no EventStream; give EventStreams")
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

    Raises
    ------
    DataError
        If lengths do not fit, or a value is not whole or out of range, or a recording's
        events are unsorted or reach beyond its duration: it names the recording, the
        event and the value.
    """

    t: NDArray[np.int32]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    label: NDArray[np.int64]
    duration: NDArray[np.int64]
    shape: Shape
    source: str = field(default="event batch", repr=False)

    def __post_init__(self) -> None:
        """Check every event, and convert to the types of the class."""
        shape = checked_shape(self.shape, self.source)
        given = Arrays(self.t, self.unit, self.start, self.label, self.duration)
        found = checked_arrays(given, shape, self.source)
        for name, value in found._asdict().items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "shape", shape)

    def with_events(
        self,
        t: NDArray[np.int32],
        unit: NDArray[Any],
        start: NDArray[np.int64],
        label: NDArray[np.int64] | None = None,
        duration: NDArray[np.int64] | None = None,
    ) -> EventBatch:
        """Return a batch of this sensor whose arrays the caller made right: nothing is checked.

        For events that come from a checked batch; everyone else calls the class. Without
        ``label`` and ``duration`` they are this batch's own.
        """
        label = self.label if label is None else label
        duration = self.duration if duration is None else duration
        return _unchecked(Arrays(t, unit, start, label, duration), self.shape, self.source)

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
        for stream in streams:
            if not isinstance(stream, EventStream):
                raise DataError(f"{source or 'event batch'}: {shown(stream)} is no EventStream")
        shapes = {stream.shape for stream in streams}
        if len(shapes) > 1:
            raise DataError(
                f"{source or 'event batch'}: the sensors differ ({sorted(shapes)}); "
                "a batch holds recordings of one"
            )
        for stream in streams:
            if stream.duration > INT32_MAX:
                raise DataError(
                    f"{stream.source}: lasts {stream.duration} us, a batch holds at most "
                    f"{INT32_MAX}; subtract the first time, or cut it with slice_time"
                )
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
        return _unchecked(arrays, streams[0].shape, source or "event batch")

    def part(self, first: int, last: int) -> EventBatch:
        """Return recordings ``first`` to ``last - 1`` as a batch that shares this one's events.

        Raises IndexError where there are none such.
        """
        if not 0 <= first <= last <= len(self):
            raise IndexError(f"{self.source}: recordings {first} to {last - 1} of {len(self)}")
        begin, end = self.start[first], self.start[last]
        return self.with_events(
            t=self.t[begin:end],
            unit=self.unit[begin:end],
            start=self.start[first : last + 1] - begin,
            label=self.label[first:last],
            duration=self.duration[first:last],
        )

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
            t=np.concatenate([self.t[empty], *(self.t[p] for p in pieces)]),
            unit=np.concatenate([self.unit[empty], *(self.unit[p] for p in pieces)]),
            start=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
            label=np.asarray(self.label[chosen]),
            duration=np.asarray(self.duration[chosen]),
        )


def _unchecked(arrays: Arrays, shape: Shape, source: str) -> EventBatch:
    made = object.__new__(EventBatch)
    vars(made).update(arrays._asdict(), shape=shape, source=source)
    return made
