"""Events: sorted times and unit addresses of one recording, or of many end to end.

A *unit* is one address of the sensor, ``(polarity, y, x)`` counted in C order:
``unit = (polarity * height + y) * width + x``. Times are integer microseconds.
Whatever enters here is checked once, at the door; what is inside is sorted, in
range and finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import DataError
from eventsnn.events.checked import (
    INT32_MAX,
    Shape,
    as_array,
    check_range,
    check_times,
    checked_duration,
    checked_label,
    checked_shape,
    count_span,
    sensor_text,
    time_span,
    whole_number,
    whole_numbers,
)
from eventsnn.events.clock import doubt, warn_of
from eventsnn.events.columns import RecordingFacts, addressed
from eventsnn.events.fields import event_fields
from eventsnn.events.grid import checked_grid, coarser, on_grid, told


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
    grid_us : int
        See ``on_grid``, which sets it; 0: every time is exact.

    Raises
    ------
    DataError
        If the events are unsorted, negative, not finite, out of the sensor, not
        whole numbers, of different lengths or at 2**53 us and later, or the label is no
        class, or the duration ends before the last event: it names the index and the value.

    Examples
    --------
    >>> import eventsnn as es
    >>> stream = es.EventStream([10, 25], [3, 0], (1, 2, 2), label=7, duration=1_000)
    >>> stream.x, stream.y, len(stream)
    (array([1, 0], dtype=int32), array([1, 0], dtype=int32), 2)
    """

    t: NDArray[np.int64]
    unit: NDArray[np.int32]
    shape: Shape
    label: int | None = None
    duration: int = -1
    source: str = field(default="event stream", repr=False)
    grid_us: int = field(default=0, repr=False)

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
        object.__setattr__(self, "grid_us", checked_grid(self.grid_us, self.source))

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.t)

    def __repr__(self) -> str:
        """Return one line of facts."""
        ms, step = f"{self.duration / 1000:,.6g} ms", told(self.grid_us)
        label = "" if self.label is None else f", label {self.label}"
        return f"<EventStream {len(self):,} events, {sensor_text(self.shape)}, {ms}{step}{label}>"

    @classmethod
    def from_structured(
        cls,
        events: NDArray[Any],
        shape: Sequence[int],
        **more: Unpack[RecordingFacts],
    ) -> EventStream:
        """Read a structured array with a field each for time, column, row and polarity.

        Fields are found *by name*, since tonic's data sets order them differently, or by
        numpy title: ``t``, ``ts``, ``time``, ``timestamp``; ``x``, ``col``, ``column``; ``y``,
        ``row``; ``p``, ``pol``, ``polarity``, ``on``; in upper or lower case. Other fields
        are not looked at.

        Parameters
        ----------
        events : structured array (n,)
            Times in microseconds; polarities 0 and 1, or -1 and 1. Of what the sensor has one
            only (rows of a line, say) the field may be missing.
        shape : (int, int, int)
            Polarities, height and width of the sensor. tonic's ``sensor_size`` is
            (width, height, polarities): pass ``sensor_size[::-1]``.
        label, duration, source, start
            As ``from_arrays`` has them.

        Raises
        ------
        DataError
            If a field is missing, if two may be the same, or whatever the class refuses.

        Examples
        --------
        >>> import numpy as np
        >>> events = np.array([(3, 0, 10, 1), (4, 1, 25, 0)], [(name, int) for name in "xytp"])
        >>> EventStream.from_structured(events, (2, 48, 64), label=1)
        <EventStream 2 events, 48x64x2, 0.026 ms, label 1>
        """
        source = more.setdefault("source", "event array")
        sensor = checked_shape(shape, source)
        return cls._from_columns(event_fields(events, sensor, source), sensor, more)

    @classmethod
    def from_arrays(
        cls,
        x: ArrayLike,
        y: ArrayLike,
        t: ArrayLike,
        p: ArrayLike | None = None,
        *,
        height: int,
        width: int,
        **more: Unpack[RecordingFacts],
    ) -> EventStream:
        """Read one column each for the column, row, time and polarity of every event.

        Parameters
        ----------
        x, y : array (n,)
            From 0 to ``width - 1`` and ``height - 1``.
        t : array (n,)
            Whole microseconds, in order.
        p : array (n,), optional
            Truth values, 0 and 1, or -1 and 1; without it the sensor has one polarity.
        height, width : int
            Pixels of the sensor.
        label, duration, source
            As the class has them.
        start : "zero" or "first"
            Where time 0 is: where the clock has it, or at the first event (for a clock that began
            before the recording).

        Raises
        ------
        DataError
            If lengths differ, a value is out of the sensor, times are fractions or out of order,
            or whatever the class refuses: it names the event and the value.

        Warns
        -----
        UserWarning
            If times look like milliseconds or seconds, or begin long after 0.

        Examples
        --------
        >>> stream = EventStream.from_arrays(x=[3, 4], y=[0, 1], t=[10, 25], p=[1, 0],
        ...                                  height=48, width=64)
        >>> stream
        <EventStream 2 events, 48x64x2, 0.026 ms>
        """
        source = more.setdefault("source", "event arrays")
        sensor = checked_shape((1 if p is None else 2, height, width), source)
        columns = {name: as_array(a, name, source) for name, a in (("t", t), ("x", x), ("y", y))}
        if p is not None:
            columns["p"] = as_array(p, "p", source)
        return cls._from_columns(columns, sensor, more)

    @classmethod
    def _from_columns(
        cls, columns: dict[str, NDArray[Any]], sensor: Shape, facts: RecordingFacts
    ) -> EventStream:
        source = facts["source"]
        t, unit = addressed(columns, sensor, facts.get("start", "zero"), source)
        made = cls(t, unit, sensor, facts.get("label"), facts.get("duration", -1), source)
        warn_of(doubt(t, math.prod(sensor)), source)
        return made

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

    def on_grid(self, grid_us: int) -> EventStream:
        """Return the events with times rounded down to steps of ``grid_us`` microseconds.

        It is another model of the input: a step is an instant. The events of a unit in it are one
        delivery of a dense connection without delay, with a count: the weight times that is added
        once. Elsewhere each is delivered by itself.

        DataError for a number that is not whole, or not from 1 to 2**31 - 1.

        Examples
        --------
        >>> import eventsnn as es
        >>> stream = es.EventStream([3, 900, 1_200], [1, 0, 0], (1, 1, 2)).on_grid(1_000)
        >>> stream.t.tolist(), stream.unit.tolist()
        ([0, 0, 1000], [0, 1, 0])
        """
        step = coarser(grid_us, self.grid_us, self.source)
        start = np.array([0, len(self)], np.int64)
        t, unit = on_grid(self.t, self.unit, start, step, math.prod(self.shape))
        return replace(self, t=t, unit=unit, grid_us=step)

    def between(self, start: int, stop: int) -> EventStream:
        """Return the events in [start, stop) microseconds with their times unchanged.

        The clock stays that of the recording, so that a simulation goes on piece by piece
        from a state. The duration is ``stop``.
        """
        start, stop = time_span("between", start, stop, self.source)
        first, last = np.searchsorted(self.t, [start, stop])
        return replace(self, t=self.t[first:last], unit=self.unit[first:last], duration=stop)

    def slice_time(self, start: int, stop: int) -> EventStream:
        """Return the events in [start, stop) microseconds; ``start`` becomes time 0."""
        start, stop = time_span("time slice", start, stop, self.source)
        part = self.between(start, stop)
        return replace(part, t=part.t - start, duration=stop - start)

    def slice_count(self, start: int, stop: int) -> EventStream:
        """Return events number ``start`` to ``stop - 1`` with their times unchanged."""
        start, stop = count_span(start, stop, self.source)
        return replace(self, t=self.t[start:stop], unit=self.unit[start:stop])

    def shift(self, dx: int, dy: int) -> EventStream:
        """Move every event by whole pixels; events that leave the sensor are removed."""
        by = [whole_number(n, "shift", self.source, "whole pixels") for n in (dx, dy)]
        dx, dy = (max(-INT32_MAX, min(INT32_MAX, n)) for n in by)
        x, y = self.x.astype(np.int64) + dx, self.y.astype(np.int64) + dy
        _, height, width = self.shape
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        unit = (self.polarity * height + y) * width + x
        return replace(self, t=self.t[inside], unit=unit[inside])

    def split_polarity(self) -> tuple[EventStream, ...]:
        """Return one stream a polarity, each over a sensor of one polarity."""
        polarity, (_, height, width) = self.polarity, self.shape
        pixels, found = np.int32(height * width), []
        for p in range(self.shape[0]):
            own = polarity == p
            parts = {"t": self.t[own], "unit": self.unit[own] - p * pixels}
            found.append(replace(self, **parts, shape=(1, height, width)))
        return tuple(found)
