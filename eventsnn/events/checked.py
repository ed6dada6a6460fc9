"""What events are asked at the door: sorted, in range, whole and finite."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.given import check_no_mask
from eventsnn.text import shown

Shape = tuple[int, int, int]
"""(polarities, height, width) of a sensor."""

TIME_END = 1 << 53
"""Microseconds from which on float64, in which a simulation computes, does not hold every one."""

_EPOCH = 100_000_000_000_000
"""Microseconds, three years: no recording is as long, and what counts from 1970 is later."""

INT32_MAX = np.iinfo(np.int32).max
_INT64_END = 1 << 63


def check_times(t: NDArray[np.int64], source: str) -> None:
    """Refuse negative or decreasing times, and those from 2**53 us on, naming the first one."""
    if t.size and t[0] < 0:
        raise DataError(f"{source}: event 0 is at {t[0]} us; times start at 0")
    check_order(t, source)
    if t.size and t[0] >= _EPOCH:
        warnings.warn(
            f"{source}: the first event is at {t[0]} us, {t[0] / 3.2e13:,.0f} years. Is it a time "
            "of day? Subtract the first time, or give EventStream.from_arrays(..., start='first')",
            stacklevel=5,
        )


def check_order(t: NDArray[np.int64], source: str) -> None:
    """Refuse decreasing times, naming the first one."""
    backwards = np.flatnonzero(t[1:] < t[:-1])
    if backwards.size:
        i = int(backwards[0]) + 1
        raise DataError(
            f"{source}: event {i} at {t[i]} us comes after event {i - 1} at {t[i - 1]} us; "
            "sort the events by time"
        )
    if t.size and t[-1] >= TIME_END:
        i = int(np.searchsorted(t, TIME_END))
        raise DataError(
            f"{source}: event {i} is at {t[i]} us; times are microseconds below 2**53, or they "
            "would be rounded. Are these nanoseconds? Subtract the first time, and divide by 1000"
        )


def checked_shape(shape: Sequence[int], source: str) -> Shape:
    """Return the three sizes of a sensor as ints, each at least 1 and countable in int32."""
    try:
        sizes = tuple(shape)
    except TypeError:
        sizes = ()
    whole = len(sizes) == 3 and all(isinstance(size, int | np.integer) for size in sizes)
    if not whole or min(sizes) < 1 or math.prod(map(int, sizes)) > INT32_MAX:
        columns = isinstance(shape, np.ndarray) and len(sizes) > 3
        hint = "; EventStream.from_structured takes columns x, y, t, p" * columns
        raise DataError(
            f"{source}: shape {shown(shape)}; a sensor is (polarities, height, width), each a "
            f"whole number of at least 1, {INT32_MAX} units at most{hint}"
        )
    return int(sizes[0]), int(sizes[1]), int(sizes[2])


def sensor_text(shape: Sequence[int]) -> str:
    """Return a sensor as layer strings have it: height x width x polarities."""
    return "x".join(str(size) for size in (*shape[1:], shape[0]))


def as_array(values: object, name: str, source: str) -> NDArray[Any]:
    """Return values as an array, or refuse what is none: unequal rows, masked values."""
    check_no_mask(values, f"{source}: {name}", DataError)
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"{source}: {name} is no array ({error!s:.100}); give one") from error


def whole_numbers(
    values: object, name: str, dtype: type, source: str, each: str = "event"
) -> NDArray[Any]:
    """Return one value an event as ``dtype``; refuse fractions, NaN and what int64 cannot hold.

    ``each`` names what there is one value of, for messages.
    """
    array = as_array(values, name, source)
    article = "an" if each == "event" else "a"
    if array.ndim != 1:
        raise DataError(
            f"{source}: {name} has shape {array.shape}; give one value {article} {each}"
        )
    if not array.size:
        return np.zeros(0, dtype)
    of = " of microseconds" if name in ("t", "duration") else ""
    if array.dtype.kind == "f":
        wrong = np.flatnonzero(
            ~(np.abs(array) < np.float64(_INT64_END)) | (array != np.floor(array))
        )
        if wrong.size:
            i = int(wrong[0])
            raise DataError(
                f"{source}: {name} of {each} {i} is {array[i]}; give finite whole numbers{of}"
            )
        _check_held(array, name, source, each)
    elif array.dtype.kind not in "iub":
        raise DataError(f"{source}: {name} has dtype {array.dtype!s:.60}; give whole numbers{of}")
    elif array.dtype == np.uint64 and (array >= np.uint64(_INT64_END)).any():
        i = int(np.argmax(array >= np.uint64(_INT64_END)))
        raise DataError(
            f"{source}: {name} of {each} {i} is {array[i]}; give numbers below {_INT64_END}"
        )
    return array.astype(dtype)


def _check_held(array: NDArray[Any], name: str, source: str, each: str) -> None:
    """Refuse numbers of a short float type from which on it holds not every whole one."""
    end = 1 << (np.finfo(array.dtype).nmant + 1)
    large = np.flatnonzero(np.abs(array) > end) if end < TIME_END else np.zeros(0)
    if large.size:
        i = int(large[0])
        raise DataError(
            f"{source}: {name} of {each} {i} is {array[i]:.0f} as {array.dtype}, which is rounded "
            f"above {end:,}; keep it as int64 or float64 from the start"
        )


def whole_number(value: object, name: str, source: str, remedy: str) -> int:
    """Return one whole number (1.0 is one) as int; refuse everything else."""
    whole = value
    if isinstance(value, float | np.floating) and value == np.floor(value) and np.isfinite(value):
        whole = int(value)
    try:
        return operator.index(whole)  # type: ignore[arg-type]
    except TypeError:
        raise DataError(f"{source}: {name} is {shown(value)}; give {remedy}") from None


def checked_label(label: object, source: str) -> int | None:
    """Return a class as int, or None where it is unknown."""
    if label is None:
        return None
    whole = whole_number(label, "label", source, "the number of a class, or None if unknown")
    if whole < 0:
        raise DataError(
            f"{source}: label {shown(whole)}; classes count from 0, None stands for an unknown one"
        )
    if whole > INT32_MAX:
        raise DataError(f"{source}: label {shown(whole)}; give at most {INT32_MAX}")
    return whole


def checked_duration(duration: object, t: NDArray[np.int64], source: str) -> int:
    """Return a duration in microseconds; -1 stands for the end of the last event."""
    whole = whole_number(duration, "duration", source, "whole microseconds")
    end = int(t[-1]) + 1 if t.size else 0
    if whole == -1:
        return end
    if whole < 0:
        raise DataError(f"{source}: duration is {shown(whole)} us; give at least {end}")
    if whole < end:
        raise DataError(
            f"{source}: duration {whole} us ends before event {t.size - 1} at {t[-1]} us; give at "
            f"least {end}"
        )
    if whole > TIME_END:
        raise DataError(
            f"{source}: duration is {shown(whole)} us; give at most 2**53 microseconds. Are these "
            "nanoseconds? Divide by 1000"
        )
    return whole


def check_range(values: NDArray[np.int64], name: str, size: int, source: str) -> None:
    """Refuse values outside [0, size), naming the first one."""
    outside = np.flatnonzero((values < 0) | (values >= size))
    if outside.size:
        i = int(outside[0])
        raise DataError(
            f"{source}: {name} of event {i} is {values[i]}, outside the sensor; "
            f"give 0 to {size - 1}"
        )


def time_span(what: str, start: int, stop: int, source: str) -> tuple[int, int]:
    """Return two whole numbers of microseconds, in order."""
    start, stop = (
        whole_number(value, what, source, "whole microseconds") for value in (start, stop)
    )
    if not 0 <= start <= stop <= TIME_END:
        raise DataError(
            f"{source}: {what} [{shown(start)}, {shown(stop)}) us; need 0 <= start <= stop, at "
            "most 2**53"
        )
    return start, stop


def count_span(start: int, stop: int, source: str) -> tuple[int, int]:
    """Return two whole numbers of events, in order."""
    start, stop = (
        whole_number(place, "count slice", source, "whole numbers of events")
        for place in (start, stop)
    )
    if not 0 <= start <= stop:
        raise DataError(f"{source}: count slice [{start}, {stop}); need 0 <= start <= stop")
    return start, stop
