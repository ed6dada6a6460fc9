"""Times on a coarse grid: rounded down to whole steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.events.checked import INT32_MAX, whole_number
from eventsnn.kernels.compile import allocating
from eventsnn.kernels.vector import first_bit

_WORD = 64


def checked_grid(value: Any, source: str, least: int = 0) -> int:
    """Return the step of events, in microseconds; 0 for exact times.

    Raises
    ------
    DataError
    """
    step = whole_number(value, "grid_us", source, "whole microseconds")
    if not least <= step <= INT32_MAX:
        raise DataError(f"{source}: grid_us is {step}; give {least} to {INT32_MAX}")
    return step


def coarser(value: Any, now: int, source: str) -> int:
    """Return the step to which times that are on a grid of ``now`` already (0: exact) go.

    Raises
    ------
    DataError
        If the times between its steps are lost.
    """
    step = checked_grid(value, source, least=1)
    if now and step % now:
        raise DataError(
            f"{source}: grid_us is {step}, but its times are rounded to steps of {now} us already; "
            "give a multiple of that, or the recording as it was"
        )
    return step


def told(grid_us: int) -> str:
    """Return what recordings on a grid say of themselves."""
    return f", steps of {grid_us / 1000:,.6g} ms" if grid_us else ""


def on_grid(
    t: NDArray[Any], unit: NDArray[Any], start: NDArray[np.int64], grid_us: int, n_units: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return times rounded down to steps of ``grid_us``, and the units in order within a step."""
    times, units = np.empty_like(t), np.empty_like(unit)
    room = np.zeros(n_units, np.int32), np.zeros(-(-n_units // _WORD), np.uint64)
    _round_down(t, unit, start, grid_us, room, times, units)
    return times, units


def step_of(steps: set[int]) -> int:
    """Return the step of recordings that are put together: their own if they agree, else 0."""
    return steps.pop() if len(steps) == 1 else 0


@allocating
def _round_down(t, unit, start, grid, room, times, units):  # type: ignore[no-untyped-def]
    """Round every time down, and sort the units of each step by counting."""
    counts, words = room
    for r in range(len(start) - 1):
        first, end = start[r], start[r + 1]
        while first < end:
            step = np.int64(t[first]) // grid * grid
            last = first
            while last < end and np.int64(t[last]) < step + grid:
                times[last] = step
                units[last] = unit[last]
                last += 1
            if last - first > len(words) // 8:
                _count(units[first:last], counts, words)
            else:
                units[first:last].sort()
            first = last


@allocating
def _count(units, counts, words):  # type: ignore[no-untyped-def]
    """Sort the units of a step in place; ``counts`` and ``words`` are 0 before and after."""
    one = np.uint64(1)
    for i in range(len(units)):
        j = np.int64(units[i])
        counts[j] += 1
        words[j >> 6] |= one << np.uint64(j & 63)
    n = 0
    for w in range(len(words)):
        word = words[w]
        words[w] = np.uint64(0)
        while word:
            j = (w << 6) + np.int64(first_bit(word))
            word &= word - one
            for _ in range(counts[j]):
                units[n] = j
                n += 1
            counts[j] = 0
