"""Simultaneous events in order of unit: few of them as a rule, thousands on a coarse grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import kernel

_FEW = 48
"""Up to so many are sorted by insertion, more digit by digit."""

_BITS, _DIGITS = 8, 256


def room_for(events: int) -> NDArray[np.int32]:
    """Return the room that ``sort_ties`` needs for so many events."""
    return np.empty(events + _DIGITS, np.int32)


@kernel
def sort_ties(t: Any, unit: Any, room: Any) -> None:
    """Sort events at one time by unit, in place; units are 0 or more."""
    k, end = 0, len(t) - 1
    while k < end:
        if t[k] == t[k + 1] and unit[k] > unit[k + 1]:
            while k > 0 and t[k - 1] == t[k]:
                k -= 1
            k = _sort_first(t, unit, k, room)
        else:
            k += 1


@kernel
def _sort_first(t: Any, unit: Any, first: Any, room: Any) -> Any:
    """Sort the events at the time of event ``first``; return the first one behind them."""
    last, most = first + 1, unit[first]
    while last < len(t) and t[last] == t[first]:
        most = max(most, unit[last])
        last += 1
    if last - first <= _FEW:
        _insert(unit[first:last])
    else:
        _by_digits(unit[first:last], most, room)
    return last


@kernel
def _insert(unit: Any) -> None:
    for i in range(1, len(unit)):
        new, k = unit[i], i
        while k > 0 and unit[k - 1] > new:
            unit[k] = unit[k - 1]
            k -= 1
        unit[k] = new


@kernel
def _by_digits(unit: Any, most: Any, room: Any) -> None:
    """Sort by one digit after the other, the lowest first."""
    ends, other = room[:_DIGITS], room[_DIGITS : _DIGITS + len(unit)]
    shift = 0
    while most >> shift > 0:
        ends[:] = 0
        for k in range(len(unit)):
            ends[(unit[k] >> shift) & (_DIGITS - 1)] += 1
        total = np.int32(0)
        for digit in range(_DIGITS):
            total += ends[digit]
            ends[digit] = total
        for k in range(len(unit) - 1, -1, -1):
            digit = (unit[k] >> shift) & (_DIGITS - 1)
            ends[digit] -= 1
            other[ends[digit]] = unit[k]
        for k in range(len(unit)):
            unit[k] = other[k]
        shift += _BITS
