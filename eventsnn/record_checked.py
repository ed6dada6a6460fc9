"""What a record is asked before a kernel walks over it: one may be made or changed by hand."""

from __future__ import annotations

import numpy as np

from eventsnn.errors import UserError
from eventsnn.record import Record


def check_record(record: Record) -> None:
    """Refuse a record whose arrays are not of one piece.

    Raises
    ------
    UserError
        For an array of another type or length, a unit that its population has not, times out
        of order or outside the recording: it names the population, the place and the value.
    """
    n = len(record.duration)
    if not (np.isfinite(record.duration).all() and (record.duration >= 0).all()):
        raise UserError("record: a duration is negative or not finite; give what simulate returned")
    for name in record.spikes:
        _check_spikes(record, name, n)
    for name, readouts in record.readouts.items():
        shape = n, record.network[name].size
        for field in ("final", "maximum", "maximum_t", "integral"):
            array = getattr(readouts, field)
            if array.shape != shape or array.dtype.kind != "f" or np.isnan(array).any():
                raise _wrong(
                    name, f"{field} has shape {array.shape} and type {array.dtype}, or NaN"
                )


def _check_spikes(record: Record, name: str, n: int) -> None:
    spikes, size = record.spikes[name], record.network[name].size
    start, t, unit = spikes.start, spikes.t, spikes.unit
    whole = all(array.ndim == 1 for array in (start, t, unit, spikes.value))
    kinds = start.dtype.kind + t.dtype.kind + unit.dtype.kind + spikes.value.dtype.kind
    if not whole or kinds != "ifif" or not len(t) == len(unit) == len(spikes.value):
        sizes = ((key, getattr(spikes, key)) for key in ("t", "unit", "value", "start"))
        raise _wrong(name, ", ".join(f"{key} is {a.dtype} {a.shape}" for key, a in sizes))
    rising = len(start) == n + 1 and start[0] == 0 and start[-1] == len(t)
    if not rising or (start[1:] < start[:-1]).any():
        raise _wrong(name, f"start does not rise from 0 to {len(t)} over {n} recordings")
    end = np.repeat(record.duration, np.diff(start))
    for array, fine in (
        (unit, (unit >= 0) & (unit < size)),
        (t, (t >= 0) & (t <= end)),
        (spikes.value, np.isfinite(spikes.value)),
    ):
        if not fine.all():
            i = int(np.argmin(fine))
            raise _wrong(name, f"spike {i} has {array[i]}")
    back = np.flatnonzero(t[1:] < t[:-1]) + 1
    back = back[~np.isin(back, start)]
    if back.size:
        raise _wrong(name, f"spike {back[0]} at {t[back[0]]} us stands after a later one")


def _wrong(name: str, what: str) -> UserError:
    return UserError(f"record: {name}: {what}; give a record as simulate returned it")
