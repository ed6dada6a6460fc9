"""Events as columns: row, column and polarity of each become the address of a unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.events.checked import Shape, as_array, check_range, whole_numbers
from eventsnn.events.clock import Start, clock_times


class RecordingFacts(TypedDict, total=False):
    """What may be told of a recording beside its events."""

    label: int | None
    duration: int
    source: str
    start: Start


def addressed(
    columns: Mapping[str, NDArray[Any]], sensor: Shape, start: Start, source: str
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return (t, unit) of columns from outside; see ``units_of``.

    Polarities of a sensor of two may be truth values, 0 and 1, or -1 and 1.
    """
    t = clock_times(as_array(columns["t"], "t", source), start, source)
    found = {name: as_array(column, name, source) for name, column in columns.items()}
    if "p" in found and sensor[0] == 2:
        found["p"] = polarities(found["p"], source)
    return t, units_of(found | {"t": t}, sensor, source)


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
