"""What an event stream is asked at the door: sorted, in range, whole and finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.errors import DataError

Shape = tuple[int, int, int]
"""(polarities, height, width) of a sensor."""

_INT32_MAX = np.iinfo(np.int32).max
_INT64_END = 1 << 63


def check_times(t: NDArray[np.int64], source: str) -> None:
    """Refuse negative or decreasing times, naming the first one."""
    if t.size and t[0] < 0:
        raise DataError(f"{source}: event 0 is at {t[0]} us; times start at 0")
    backwards = np.flatnonzero(t[1:] < t[:-1])
    if backwards.size:
        i = int(backwards[0]) + 1
        raise DataError(
            f"{source}: event {i} at {t[i]} us comes after event {i - 1} at {t[i - 1]} us; "
            "sort the events by time"
        )


def checked_shape(shape: Sequence[int], source: str) -> Shape:
    """Return the three sizes of a sensor as ints, each at least 1 and countable in int32."""
    sizes = tuple(shape)
    whole = all(isinstance(size, int | np.integer) for size in sizes)
    if len(sizes) != 3 or not whole or min(sizes) < 1 or math.prod(sizes) > _INT32_MAX:
        raise DataError(
            f"{source}: shape {sizes}; a sensor is (polarities, height, width), each a whole "
            "number of at least 1"
        )
    return int(sizes[0]), int(sizes[1]), int(sizes[2])


def whole_numbers(values: ArrayLike, name: str, dtype: type, source: str) -> NDArray[Any]:
    """Return one value an event as ``dtype``; refuse fractions, NaN and what int64 cannot hold."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"{source}: {name} has shape {array.shape}; give one value an event")
    if array.dtype.kind == "f":
        wrong = np.flatnonzero(~(np.abs(array) < _INT64_END) | (array != np.floor(array)))
        if wrong.size:
            i = int(wrong[0])
            raise DataError(
                f"{source}: {name} of event {i} is {array[i]}; give finite whole numbers"
            )
    elif array.dtype == np.uint64 and (array >= np.uint64(_INT64_END)).any():
        i = int(np.argmax(array >= np.uint64(_INT64_END)))
        raise DataError(
            f"{source}: {name} of event {i} is {array[i]}; give numbers below {_INT64_END}"
        )
    elif array.dtype.kind not in "iub" and array.size:
        raise DataError(f"{source}: {name} has dtype {array.dtype}; give whole numbers")
    return array.astype(dtype)


def check_range(values: NDArray[np.int64], name: str, size: int, source: str) -> None:
    """Refuse values outside [0, size), naming the first one."""
    outside = np.flatnonzero((values < 0) | (values >= size))
    if outside.size:
        i = int(outside[0])
        raise DataError(
            f"{source}: {name} of event {i} is {values[i]}, outside the sensor; "
            f"give 0 to {size - 1}"
        )
