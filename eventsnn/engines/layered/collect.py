"""The spikes of a layer: where its kernel stands, and how they come into the order of a record."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Deliveries, Spikes, Train
from eventsnn.kernels.compile import threaded


class Cursor(NamedTuple):
    """Where a kernel stands, in arrays of one number so that it can move them."""

    recording: NDArray[np.int64]
    event: NDArray[np.int64]
    spikes: NDArray[np.int64]

    @classmethod
    def start(cls) -> Cursor:
        """Return the beginning."""
        return cls(*(np.zeros(1, np.int64) for _ in cls._fields))


def collect(spikes: Spikes, n: int, deliveries: Deliveries, ordered: bool = False) -> Train:
    """Sort the first n spikes by (time, unit).

    ``ordered`` promises that those of one delivery stand in order of unit.
    """
    out = Train(
        np.empty(n, np.int64),
        np.empty(n, np.int32),
        np.empty(n, spikes.value.dtype),
        np.zeros(len(deliveries.start), np.int64),
    )
    if ordered and _copied(spikes, n, deliveries, out):
        out.start[:] = np.searchsorted(spikes.event[:n], deliveries.start)
        return out
    place = np.zeros(len(deliveries.t) + 1, np.int32)
    _collect(spikes, n, deliveries, place, out)
    if not ordered:
        _sort_units(place, out)
    return out


@threaded
def _copied(spikes, n, deliveries, out):  # type: ignore[no-untyped-def]
    """Copy spikes that stand in order of delivery; return False where they do not."""
    event, wrong = spikes.event[:n], False
    for i in range(n - 1):
        wrong |= event[i + 1] < event[i]
    if wrong:
        return False
    for i in range(n):
        out.t[i], out.unit[i] = deliveries.t[np.uint64(event[i])], spikes.unit[i]
        out.value[i] = spikes.value[i]
    return True


@threaded
def _collect(spikes, n, deliveries, place, out):  # type: ignore[no-untyped-def]
    """Counting sort by delivery; ``place`` becomes the end of each delivery's spikes.

    The spikes of an instant all name its last delivery. Indices are unsigned, so that
    none is tested for a negative wrap.
    """
    one = np.uint64(1)
    for i in range(n):
        place[np.uint64(spikes.event[i]) + one] += 1
    total = np.int32(0)
    for e in range(len(place)):
        total += place[e]
        place[e] = total
    for r in range(len(out.start)):
        out.start[r] = place[deliveries.start[r]]
    for i in range(n):
        event = np.uint64(spikes.event[i])
        k = np.uint64(place[event])
        place[event] += 1
        out.t[k], out.unit[k] = deliveries.t[event], spikes.unit[i]
        out.value[k] = spikes.value[i]


@threaded
def _sort_units(place, out):  # type: ignore[no-untyped-def]
    """Sort the spikes of each delivery by unit."""
    first = 0
    for e in range(len(place) - 1):
        for i in range(first + 1, place[e]):
            unit, value, k = out.unit[i], out.value[i], i
            while k > first and out.unit[k - 1] > unit:
                out.unit[k], out.value[k] = out.unit[k - 1], out.value[k - 1]
                k -= 1
            out.unit[k], out.value[k] = unit, value
        first = place[e]
