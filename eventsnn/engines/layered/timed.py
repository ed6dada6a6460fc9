"""Spikes between microseconds on their way: layers of neurons that fire by themselves send them.

Other layers send at whole microseconds, as ``deliveries.py`` takes them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import deliveries as whole
from eventsnn.engines.layered.deliveries import Decay, Deliveries, Train
from eventsnn.kernels.compile import inlined, likely, threaded
from eventsnn.kernels.decay import FINE, looked_up

_LIMIT = np.uint64(FINE * FINE)
_UNREAD = np.zeros(0), math.inf


def send(
    train: Train,
    delay_us: int,
    until: NDArray[np.float64],
    decay: Decay | None,
    before: NDArray[Any] = whole.ANEW,
) -> Deliveries:
    """Take a train through a delay; see ``deliveries.send``. Times may lie between microseconds.

    ``before`` has the type of the train's times.
    """
    if train.t.dtype.kind == "i":
        return whole.send(train, delay_us, until, decay, before)
    t, rows = train.t + delay_us, np.repeat(np.arange(len(until)), np.diff(train.start))
    in_time = t < until[rows]
    sizes = np.bincount(rows[in_time], minlength=len(until))
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    t, row = t[in_time], train.unit[in_time]
    factors = np.empty(len(t), decay.dtype) if decay else np.empty(0)
    last, instants = np.empty(len(t), np.bool_), np.zeros(len(until), np.int64)
    out = Deliveries(t, row, factors, last, start, instants)
    _mark(out, *((decay.table, decay.tau_us) if decay else _UNREAD), before.astype(np.float64))
    return out


@threaded
def _mark(out, table, tau, before):  # type: ignore[no-untyped-def]
    """Fill ``last`` and ``instants``, and ``decay`` if it has room."""
    decays = len(out.decay) == len(out.t)
    for r in range(len(out.instants)):
        first, end = out.start[r], out.start[r + 1]
        for i in range(first, end):
            t = out.t[i]
            out.last[i] = i + 1 == end or out.t[i + 1] != t
            out.instants[r] += np.int64(out.last[i])
            if not decays:
                continue
            gap = 0.0
            if i > first:
                gap = t - out.t[i - 1]
            elif r < len(before) and before[r] >= 0:
                gap = t - before[r]
            out.decay[i] = _decay(gap, table, tau)


@inlined
def _decay(dt: float, table: Any, tau: float) -> float:
    """Return the decay of ``neurons/decay_kernel.py``, to the same bits."""
    if len(table) == 0:
        return 1.0
    steps = np.uint64(int(dt))
    if likely(steps < _LIMIT and float(np.int64(steps)) >= dt):
        return float(looked_up(table, 0, steps))
    return math.exp(-dt / tau)
