"""Events as columns: row, column and polarity of each become the address of a unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.events.checked import Shape, as_array, check_range, whole_numbers


def units_of(columns: Mapping[str, NDArray[Any]], sensor: Shape, source: str) -> NDArray[np.int32]:
    """Return the address of each event, int32 (n,).

    Parameters
    ----------
    columns : mapping
        ``t``, and of ``p``, ``y``, ``x`` those that there are; what is missing is 0.
    sensor : (int, int, int)
        Polarities, height and width.

    Raises
    ------
    DataError
        If a value is out of the sensor or no whole number: it names the event and the value.
    """
    unit = np.zeros(columns["t"].shape, np.int64)
    for name, size in zip(("p", "y", "x"), sensor, strict=True):
        unit *= size
        if name in columns:
            value = whole_numbers(columns[name], name, np.int64, source)
            if value.shape != unit.shape:
                raise DataError(
                    f"{source}: {unit.size} times but {value.size} values of {name}; give one of "
                    "each an event"
                )
            check_range(value, name, size, source)
            unit += value
    return unit.astype(np.int32)


def polarities(p: object, source: str) -> NDArray[Any]:
    """Return polarities as 0 and 1, from truth values, 0 and 1, or -1 and 1."""
    array = as_array(p, "p", source)
    if array.dtype == bool or not array.size:
        return array
    if array.dtype.kind not in "iuf":
        raise DataError(f"{source}: p has dtype {array.dtype!s:.60}; give truth values, 0 and 1")
    low, high = array.min(), array.max()
    if not (low >= -1 and high <= 1):
        wrong = int(np.flatnonzero(~((array >= -1) & (array <= 1)))[0])
        raise DataError(
            f"{source}: p of event {wrong} is {array[wrong]}; give truth values, 0 and 1, or -1 "
            "and 1"
        )
    if low >= 0:
        return array
    if (array == 0).any():
        wrong = int(np.flatnonzero(array == 0)[0])
        raise DataError(
            f"{source}: p of event {wrong} is 0, and there are polarities of -1; give 0 and 1, or "
            "-1 and 1"
        )
    return (array > 0).astype(np.int64)


def check_microseconds(t: NDArray[Any], source: str) -> None:
    """Refuse times that are fractions, which most often are seconds or milliseconds."""
    if t.dtype.kind != "f" or not t.size:
        return
    wrong = np.flatnonzero(np.isfinite(t) & (t != np.floor(t)))
    if wrong.size:
        i = int(wrong[0])
        raise DataError(
            f"{source}: t of event {i} is {t[i]}; times are whole microseconds. Are these seconds? "
            "Give (t * 1e6).round()"
        )
