"""Kernels of the dense layers in whole numbers.

All neurons share a clock: a potential decays once an instant, by one factor for all, and is tested
after the last event of it. Potentials are int32, weights int8 or int16, a quarter or half of the
memory of float32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import int32, int64
from numpy.typing import NDArray

from eventsnn.engines.layered.any.kernel import ModelRows
from eventsnn.engines.layered.whole.register import REGISTER, take_register
from eventsnn.kernels.compile import inlined, threaded
from eventsnn.kernels.vector import first_bit
from eventsnn.neurons.integer_decay import BITS, HALF, ONE, factor_at
from eventsnn.neurons.integer_readout import take_block


class WholeFiring(NamedTuple):
    """When a neuron fires, and how it decays.

    Attributes
    ----------
    limits : int32 array (width,)
        Thresholds; the largest there is beyond the last neuron.
    decays : int64 array
        The decay table (``integer_decay.flat``).
    shift : int
        A tick is 2**shift microseconds.
    scale : numpy.int32
        A delivery adds its weight times ``scale``.
    subtract : bool
        True to subtract the threshold at a spike, False to set the potential to 0.
    refractory : float
        Microseconds after a spike in which deliveries are lost.
    """

    limits: NDArray[np.int32]
    decays: NDArray[np.int64]
    shift: int
    scale: np.int32
    subtract: bool
    refractory: float


class Lanes(NamedTuple):
    """Running variables of all neurons, padded to whole registers, in the rows of ``ModelRows``.

    ``v`` is int32 (n_rows, width), ``ready`` float64 of that shape, ``clock`` int64 (n_rows,).
    """

    v: NDArray[np.int32]
    ready: NDArray[np.float64]
    clock: NDArray[np.int64]

    @classmethod
    def of(cls, state: ModelRows, width: int) -> Lanes:
        """Return what a layer's state holds, whose potentials have 32 bits."""
        rows, n = state.x.shape
        v, ready = np.zeros((rows, width), np.int32), np.full((rows, width), -np.inf)
        v[:, :n], ready[:, :n] = state.x, state.times[:, n:]
        return cls(v, ready, state.times[:, 0].astype(np.int64))

    def into(self, state: ModelRows) -> None:
        """Write it to a layer's state."""
        n = state.x.shape[1]
        state.x[:], state.times[:, n:] = self.v[:, :n], self.ready[:, :n]
        state.times[:, 0] = self.clock


@threaded
def narrow(weights, out, most):  # type: ignore[no-untyped-def]
    """Copy rows of weights to integers; False if one is no whole number, or beyond ``most``."""
    wrong = False
    for i in range(len(weights)):
        row, kept = weights[i], out[i]
        for k in range(len(row)):
            kept[k] = row[k]
            wrong |= not (abs(row[k]) <= most) or np.floor(row[k]) != row[k]
    return not wrong


@inlined
def _fire(lanes, rule, k, t, spikes, n):  # type: ignore[no-untyped-def]
    """Let neuron k fire; return the number of spikes."""
    v = lanes.v[k]
    spikes.unit[n], spikes.value[n] = k, v
    lanes.v[k] = v - rule.limits[k] if rule.subtract else int32(0)
    lanes.ready[k] = np.float64(t) + rule.refractory
    return n + 1


@inlined
def _take(lanes, rule, weights, event, spikes, n):  # type: ignore[no-untyped-def]
    """Take all neurons through an ``event`` (see ``run_lanes``); return the number of spikes."""
    (t, place, by, factor, last), rows = event, (lanes.v, rule.limits, weights)
    for k in range(0, len(lanes.v), REGISTER):
        if factor == ONE:
            bits = np.uint64(take_register(rows, k, place + k, None, by))
        else:
            bits = np.uint64(take_register(rows, k, place + k, factor, by))
        while last and bits:
            n = _fire(lanes, rule, k + int64(first_bit(bits)), t, spikes, n)
            bits &= bits - np.uint64(1)
    return n


@inlined
def _take_ready(lanes, rule, weights, event, spikes, n):  # type: ignore[no-untyped-def]
    """Do as ``_take``, but add nothing to neurons that are refractory, which do not fire."""
    t, place, by, factor, last = event
    v, ready, w = lanes.v, lanes.ready, weights[place : place + len(lanes.v)]
    for k in range(len(v)):
        came = int32(w[k]) * by if t >= ready[k] else int32(0)
        v[k] = int32((int64(v[k]) * factor + HALF) >> BITS) + came
    for k in range(len(v) if last else 0):
        if v[k] >= rule.limits[k] and t >= ready[k]:
            n = _fire(lanes, rule, k, t, spikes, n)
    return n


@threaded
def run_lanes(events, weights, rule, lanes, spikes, cursor, fresh):  # type: ignore[no-untyped-def]
    """Take all recordings from ``cursor`` on; False, to be called again, without room."""
    n, e, r = cursor.spikes[0], cursor.event[0], cursor.recording[0]
    rows, width = lanes.v.shape
    room, counted = len(spikes.event) - width, len(events.multiple) > 0
    while r < len(events.start) - 1:
        row = r if rows > 1 else 0
        here = Lanes(lanes.v[row], lanes.ready[row], lanes.clock)
        if e == events.start[r] and (fresh or (r > 0 and rows == 1)):
            here.v[:] = 0
            here.ready[:] = -np.inf
            lanes.clock[row] = -1
        stop, clock = events.start[r + 1], lanes.clock[row]
        while e < stop and n <= room:
            t, before, by = events.t[e], n, rule.scale
            factor = factor_at(rule.decays, 0, (t >> rule.shift) - (clock >> rule.shift))
            if counted:
                by = int32(by * int64(events.multiple[e]))
            event = t, int64(events.row[e]) * width, by, factor, events.last[e]
            if rule.refractory > 0.0:
                n = _take_ready(here, rule, weights, event, spikes, n)
            else:
                n = _take(here, rule, weights, event, spikes, n)
            for i in range(before, n):
                spikes.event[i] = e
            e, clock = e + 1, t
        lanes.clock[row] = clock
        if e < stop:
            break
        r += 1
    cursor.recording[0], cursor.event[0], cursor.spikes[0] = r, e, n
    return r == len(events.start) - 1


@threaded
def integrate(events, wires, rows, fresh):  # type: ignore[no-untyped-def]
    """Take a readout that never fires through all recordings, a row of the state each."""
    n = int64(wires.table[0])
    for r in range(len(events.start) - 1):
        x, times = rows.x[r], rows.times[r]
        if fresh:
            for k in range(len(x)):
                x[k] = rows.rest_x[k]
            for k in range(len(times)):
                times[k] = rows.rest_times[k]
        for e in range(events.start[r], events.start[r + 1]):
            t, first = np.float64(events.t[e]), int64(events.row[e]) * n
            take_block(wires.table, x, times, t, 0, (0, n, first), wires.weights)
            times[0] = t
