"""What a readout holds, and its kernel; the formulas are ``neurons/readout.py``'s."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import threaded


class Levels(NamedTuple):
    """What a readout holds at its last delivery, a row for each recording.

    ``v``, ``maximum`` and ``integral`` are float (n_recordings, n_units), ``maximum_t``
    float64 of that shape, ``clock`` int64 (n_recordings,), -1 for never.
    """

    v: NDArray[Any]
    maximum: NDArray[Any]
    integral: NDArray[Any]
    maximum_t: NDArray[np.float64]
    clock: NDArray[np.int64]


@threaded
def run_levels(events, w, tau, levels):  # type: ignore[no-untyped-def]
    """Take all deliveries, recording after recording."""
    real = w.dtype.type
    for r in range(len(events.start) - 1):
        v, maximum, integral = levels.v[r], levels.maximum[r], levels.integral[r]
        for e in range(events.start[r], events.start[r + 1]):
            t, row = events.t[e], w[np.int64(events.row[e])]
            if t != levels.clock[r]:
                # Nothing stands before the first delivery: its gap may be anything.
                dt = np.float64(t - max(levels.clock[r], np.int64(0)))
                exact = events.decay[e]
                decay, area = real(exact), real(dt if math.isinf(tau) else tau * (1.0 - exact))
                for k in range(len(v)):
                    integral[k] += v[k] * area
                    v[k] *= decay
                levels.clock[r] = t
            for k in range(len(v)):
                v[k] += row[k]
            if events.last[e]:
                for k in range(len(v)):
                    if v[k] > maximum[k]:
                        maximum[k] = v[k]
                        levels.maximum_t[r, k] = t
