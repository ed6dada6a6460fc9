"""What the arrays of a batch are asked at the door: whoever indexes with them may trust them.

Every event is looked at once, a block at a time and on all cores, so that a memory-mapped batch
is never in memory as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.events.checked import INT32_MAX, Shape, whole_numbers
from eventsnn.events.stream import EventStream
from eventsnn.given import check_no_mask
from eventsnn.text import shown
from eventsnn.threads import cores, in_threads

_BLOCK = 1 << 20


class Arrays(NamedTuple):
    """The arrays of ``EventBatch``, of its dtypes."""

    t: NDArray[np.int32]
    unit: NDArray[Any]
    start: NDArray[np.int64]
    label: NDArray[np.int64]
    duration: NDArray[np.int64]


def unit_dtype(shape: Shape) -> type[np.uint16] | type[np.int32]:
    """Return the smallest dtype that a batch stores the addresses of ``shape`` in."""
    return np.uint16 if math.prod(shape) <= 1 << 16 else np.int32


def checked_arrays(arrays: Arrays, shape: Shape, source: str) -> Arrays:
    """Return arrays of the dtypes of a batch, the same ones where they are right already.

    Raises
    ------
    DataError
        If their lengths do not fit, or a value is not whole or out of range, or a recording's
        times decrease or reach beyond its duration: it names the recording and the value.
    """
    start = whole_numbers(arrays.start, "start", np.int64, source, "recording")
    label = whole_numbers(arrays.label, "label", np.int64, source, "recording")
    duration = whole_numbers(arrays.duration, "duration", np.int64, source, "recording")
    if len(start) != len(label) + 1 or len(duration) != len(label):
        raise DataError(
            f"{source}: {len(label)} labels, {len(duration)} durations and {len(start)} starts; "
            "give a label and a duration a recording, and one start more"
        )
    t = _of_dtype(arrays.t, "t", np.int32, source)
    unit = _of_dtype(arrays.unit, "unit", unit_dtype(shape), source)
    if len(t) != len(unit):
        raise DataError(f"{source}: {len(t)} times but {len(unit)} units; give one unit an event")
    _check_start(start, len(t), source)
    _check_recordings(label, duration, source)
    found = Arrays(t, unit, start, label, duration)
    _check_events(found, math.prod(shape), source)
    _check_ends(found, source)
    return found


def _of_dtype(values: object, name: str, dtype: type, source: str) -> NDArray[Any]:
    """Return values as a contiguous array of ``dtype``; refuse what it cannot hold."""
    check_no_mask(values, f"{source}: {name}", DataError)
    if isinstance(values, np.ndarray) and values.dtype == dtype and values.ndim == 1:
        return np.ascontiguousarray(values)
    whole = whole_numbers(values, name, np.int64, source)
    limits = np.iinfo(dtype)
    wrong = np.flatnonzero((whole < limits.min) | (whole > limits.max))
    if wrong.size:
        i = int(wrong[0])
        raise DataError(
            f"{source}: {name} of event {i} is {whole[i]}; give {limits.min} to {limits.max}"
        )
    return whole.astype(dtype)


def _check_start(start: NDArray[np.int64], events: int, source: str) -> None:
    falls = np.flatnonzero(start[1:] < start[:-1])
    if falls.size:
        i = int(falls[0])
        raise DataError(
            f"{source}: recording {i} starts at event {start[i]} and ends before event "
            f"{start[i + 1]}; starts must not fall"
        )
    if start[0] != 0 or start[-1] != events:
        raise DataError(
            f"{source}: start goes from {start[0]} to {start[-1]}; give 0 to {events}, the number "
            "of events"
        )


def _check_recordings(label: NDArray[np.int64], duration: NDArray[np.int64], source: str) -> None:
    for name, values, least, why in (
        ("label", label, -1, "-1 is unknown, classes count from 0"),
        ("duration", duration, 0, "microseconds"),
    ):
        wrong = np.flatnonzero((values < least) | (values > INT32_MAX))
        if wrong.size:
            i = int(wrong[0])
            raise DataError(
                f"{source}: {name} of recording {i} is {values[i]}; give {least} to {INT32_MAX} "
                f"({why})"
            )


def _check_ends(batch: Arrays, source: str) -> None:
    """Refuse a first event before time 0, and a last event beyond the duration."""
    full = np.flatnonzero(batch.start[1:] > batch.start[:-1])
    first, last = batch.t[batch.start[full]], batch.t[batch.start[full + 1] - 1]
    wrong = np.flatnonzero(first < 0)
    if wrong.size:
        k = int(wrong[0])
        raise DataError(
            f"{source}: event 0 of recording {full[k]} is at {first[k]} us; times start at 0"
        )
    wrong = np.flatnonzero(last >= batch.duration[full])
    if wrong.size:
        k = int(wrong[0])
        i = int(full[k])
        raise DataError(
            f"{source}: duration {batch.duration[i]} us of recording {i} ends before its last "
            f"event at {last[k]} us; give at least {int(last[k]) + 1}"
        )


def _check_events(batch: Arrays, n_units: int, source: str) -> None:
    """Refuse a unit outside the sensor, or a time before that of the event before it."""
    t, unit, start = batch.t, batch.unit, batch.start
    # A negative address is a large one without its sign.
    address = unit if unit.dtype == np.uint16 else unit.view(np.uint32)

    def wrong(first: int) -> tuple[int, int]:
        """Return the first event of a block whose time is wrong, and whose unit; -1 for none."""
        block = slice(first, first + _BLOCK)
        late, outside = -1, -1
        if address[block].max() >= n_units:
            outside = first + int((address[block] >= n_units).argmax())
        now = t[first + 1 : first + _BLOCK + 1]
        falls = np.flatnonzero(now < t[first : first + len(now)]) + first + 1
        # Between two recordings times may fall.
        falls = falls[start[np.searchsorted(start, falls)] != falls]
        if falls.size:
            late = int(falls[0])
        return late, outside

    blocks = range(0, len(t), _BLOCK)
    for late, outside in in_threads(wrong, blocks, cores() if len(blocks) > 1 else 1):
        if max(late, outside) < 0:
            continue
        event = min(i for i in (late, outside) if i >= 0)
        recording = int(np.searchsorted(start, event, "right")) - 1
        i = event - int(start[recording])
        if event == outside:
            raise DataError(
                f"{source}: unit of event {i} of recording {recording} is {unit[event]}, outside "
                f"the sensor; give 0 to {n_units - 1}"
            )
        raise DataError(
            f"{source}: event {i} of recording {recording} at {t[event]} us comes after one at "
            f"{t[event - 1]} us; sort the events by time"
        )


def check_streams(streams: Sequence[EventStream], source: str) -> None:
    """Refuse streams that no batch holds, or none."""
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
