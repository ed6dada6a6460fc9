"""A readout read while its recording streams in; the formulas are ``neurons/readout.py``'s."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import allocating
from eventsnn.kernels.decay import FINE, looked_up

_LIMIT = float(FINE * FINE)


class Arrivals(NamedTuple):
    """What reaches a population through one connection.

    Attributes
    ----------
    t : float64 array (n,)
        Microseconds, sorted in each recording.
    unit : int32 array (n,)
        Sender.
    start : int64 array (n_recordings + 1,)
    """

    t: NDArray[np.float64]
    unit: NDArray[np.int32]
    start: NDArray[np.int64]


class Read(NamedTuple):
    """What a readout holds at each check, float (n_recordings, n_checks, n_units)."""

    final: NDArray[Any]
    maximum: NDArray[Any]
    integral: NDArray[Any]


@allocating
def _decay(dt, tau, table):  # type: ignore[no-untyped-def]
    steps = int(dt) if dt < _LIMIT else -1
    if steps == dt:
        return looked_up(table, 0, np.uint64(steps))
    return math.exp(-dt / tau)


@allocating
def read_out(arrivals, weights, tau, table, times, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with what the readout would hold had the recording ended at each check.

    ``weights`` (n_in, n_units), ``table`` the decay table of ``tau``, ``times`` float64
    (n_recordings, n_checks), not decreasing: a check sees the instants before it.
    """
    real = weights.dtype.type
    v = np.zeros(weights.shape[1], weights.dtype)
    maximum, integral = np.zeros_like(v), np.zeros_like(v)
    for r in range(len(times)):
        v[:], maximum[:], integral[:] = real(0), real(0), real(0)
        clock, e = 0.0, arrivals.start[r]
        for k in range(times.shape[1]):
            while e < arrivals.start[r + 1] and arrivals.t[e] < times[r, k]:
                dt = arrivals.t[e] - clock
                if dt > 0.0:
                    exact = _decay(dt, tau, table)
                    decay = real(exact)
                    area = real(dt if math.isinf(tau) else tau * (1.0 - exact))
                    for i in range(len(v)):
                        maximum[i] = max(maximum[i], v[i])
                        integral[i] += v[i] * area
                        v[i] *= decay
                    clock = arrivals.t[e]
                row = weights[np.int64(arrivals.unit[e])]
                for i in range(len(v)):
                    v[i] += row[i]
                e += 1
            dt = times[r, k] - clock
            exact = _decay(dt, tau, table)
            decay = real(exact)
            area = real(dt if math.isinf(tau) else tau * (1.0 - exact))
            for i in range(len(v)):
                out.final[r, k, i] = v[i] * decay
                out.maximum[r, k, i] = max(maximum[i], v[i])
                out.integral[r, k, i] = integral[i] + v[i] * area


@allocating
def count_out(arrivals, times, counts, first):  # type: ignore[no-untyped-def]
    """Count the output's spikes before each check, and note each unit's first (inf: none yet).

    ``counts`` int64 and ``first`` float64 are (n_recordings, n_checks, n_units).
    """
    n = counts.shape[2]
    spikes, earliest = np.zeros(n, np.int64), np.zeros(n)
    for r in range(len(times)):
        spikes[:], earliest[:] = 0, math.inf
        e = arrivals.start[r]
        for k in range(times.shape[1]):
            while e < arrivals.start[r + 1] and arrivals.t[e] < times[r, k]:
                unit = np.int64(arrivals.unit[e])
                spikes[unit] += 1
                earliest[unit] = min(earliest[unit], arrivals.t[e])
                e += 1
            counts[r, k] = spikes
            first[r, k] = earliest
