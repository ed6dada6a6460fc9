"""What the times of a recording say of its clock: another unit, or one that began long before."""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import DataError
from eventsnn.events.checked import whole_numbers
from eventsnn.text import shown

Start = Literal["zero", "first"]
"""Where time 0 is: where the clock has it, or at the first event."""

SECONDS, MILLISECONDS = ("seconds", 1_000_000), ("milliseconds", 1_000)
_SHORTER = {"seconds": "s", "milliseconds": "ms"}
_FEW = 50
"""Events of which a rate tells nothing."""
_FAST, _FAST_OF_MANY, _MANY = 300.0, 30.0, 1000
"""Events a second from each address that no sensor sends on the mean: of few, and of so many."""
_SHORT = 100_000
"""Microseconds above which a recording that busy is believed."""
_BUSY = 1e6
"""Events a second in all that few sensors send on the mean."""
_LATE = 250_000
"""Microseconds of silence before a recording that are no matter."""


class Doubt(NamedTuple):
    """What may be wrong with the times of a recording, and what to do: in Python, in a file."""

    what: str
    remedy: str
    in_file: str


def clock_times(t: NDArray[Any], start: Start, source: str) -> NDArray[np.int64]:
    """Return times as whole microseconds from time 0, in order or not.

    Raises
    ------
    DataError
        For fractions, which most often are seconds or milliseconds, and a start that is none.
    """
    if start not in get_args(Start):
        raise DataError(f"{source}: start is {shown(start)}; give 'zero' or 'first'")
    _check_microseconds(t, source)
    times: NDArray[np.int64] = whole_numbers(t, "t", np.int64, source)
    return times - times[0] if start == "first" and times.size else times


def _check_microseconds(t: NDArray[Any], source: str) -> None:
    if t.dtype.kind != "f" or t.ndim != 1:
        return
    finite = t[np.isfinite(t)]
    wrong = np.flatnonzero(np.isfinite(t) & (t != np.floor(t)))
    if not wrong.size:
        return
    span = float(finite.max()) - float(finite.min())
    busy = t.size / span * 1e3 > _BUSY if span else True
    units = (SECONDS, MILLISECONDS) if busy else (MILLISECONDS, SECONDS)
    told = ", or ".join(
        f"{unit} ({_long(span * factor)} in all): give (t * {factor:.0e}).round()".replace("+0", "")
        for unit, factor in units
    )
    i = int(wrong[0])
    raise DataError(
        f"{source}: t of event {i} is {t[i]}; times are whole microseconds. Are these {told}"
    )


def doubt(t: NDArray[np.int64], units: int) -> Doubt | None:
    """Return what may be wrong with sorted times; None where nothing looks so.

    Parameters
    ----------
    t : int64 array (n,)
    units : int
        Addresses of the sensor.
    """
    if len(t) < _FEW:
        return None
    first, last = int(t[0]), int(t[-1])
    span = last - first + 1
    rate = len(t) / units / span * 1e6
    fast = _FAST if units < _MANY else _FAST_OF_MANY
    if rate > fast and span < _SHORT:
        unit, factor = MILLISECONDS if rate < 1e3 * fast else SECONDS
        return Doubt(
            f"{len(t):,} events within {_long(span)} are {rate:,.0f} a second from each of "
            f"{units:,} addresses; times are microseconds. Are these {unit}",
            f"multiply them by {factor:,}: {_long(span * factor)}",
            f"say time_unit = {_SHORTER[unit]!r}".replace("'", '"'),
        )
    if first > max(_LATE, span):
        return Doubt(
            f"the first event is at {_long(first)}, and all are within {_long(span)}; the network "
            "waits until then. Did the clock begin before the recording",
            "give start='first', which makes the first event time 0",
            'say start = "first"',
        )
    return None


def warn_of(found: Doubt | None, source: str) -> None:
    """Warn of what may be wrong, at the line that called into the package."""
    if found is not None:
        warnings.warn(f"{source}: {found.what}? Then {found.remedy}", stacklevel=4)


def _long(us: float) -> str:
    """Return a time for people."""
    for unit, size in (("h", 3.6e9), ("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:,.4g} {unit}"
    return f"{us:,.4g} us"
