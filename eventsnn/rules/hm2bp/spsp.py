"""S-PSP by one backward sweep over a neuron's own spikes, gathered at the events below (eq. 8, 9).

K[i, t] is the S-PSP that one input spike at step t leaves on neuron i. With d the steps from t to
the next spike of i, and R = K at that spike,

    K = psi(d - lag) [0 where d < lag]  +  exp(-d / tau_syn) R

so that one sweep over the steps gives it, all neurons abreast, without an exponential. Terms of
spikes that are more than ``window`` steps later are taken out as they expire. The sum over the
spikes of a sender is a sum of rows of K.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import inlined, kernel, threaded
from eventsnn.rules.hm2bp.layers import Steps

BLOCK = 32
"""Steps whose rows of K are in memory at once."""


class Sweep(NamedTuple):
    """State of the sweep over a block's neurons, place by place, padded; float32.

    Attributes
    ----------
    slow, fast : float32 arrays
        The two exponentials of d - lag, over 1 - tau_syn / tau_mem.
    rest : float32 array
        exp(-d / tau_syn) R.
    next : int32 array
        The next spike of each; 0: none.
    table : float32 array (BLOCK, neurons)
        Rows of K.
    """

    slow: NDArray[np.float32]
    fast: NDArray[np.float32]
    rest: NDArray[np.float32]
    next: NDArray[np.int32]
    table: NDArray[np.float32]

    @classmethod
    def room(cls, n: int) -> Sweep:
        """Return room for n neurons."""
        slow, fast, rest = np.zeros((3, n), np.float32)
        return cls(slow, fast, rest, np.zeros(n, np.int32), np.zeros((BLOCK, n), np.float32))


class Curves(NamedTuple):
    """What the sweep multiplies by and looks up; float32.

    Attributes
    ----------
    decays : (float32, float32)
        exp(-1 / tau_mem), exp(-1 / tau_syn).
    start : (float32, float32)
        The exponentials one step before a spike.
    psi : float32 array (window + 2,)
        psi(n - lag) at n; 0 below the lag.
    faded : float32 array (window + 2,)
        exp(-n / tau_syn).
    window : int
    """

    decays: tuple[np.float32, np.float32]
    start: tuple[np.float32, np.float32]
    psi: NDArray[np.float32]
    faded: NDArray[np.float32]
    window: int

    @classmethod
    def of(cls, steps: Steps) -> Curves:
        """Return the curves of a layer's constants."""
        mem, syn, lag, window = steps
        scale = 1 / (1 - syn / mem)
        n = np.arange(window + 2)
        psi = scale * (np.exp(-(n - lag) / mem) - np.exp(-(n - lag) / syn))
        start = (scale * math.exp((lag - 1) / mem), scale * math.exp((lag - 1) / syn))
        return cls(
            (np.float32(math.exp(-1 / mem)), np.float32(math.exp(-1 / syn))),
            (np.float32(start[0]), np.float32(start[1])),
            np.where(n > lag, psi, 0).astype(np.float32),
            np.exp(-n / syn).astype(np.float32),
            window,
        )


@inlined
def _local(unit: Any, columns: Any) -> Any:
    """Return a unit's place in the block; -1 where it is of another."""
    low, high, length = columns
    column = unit % length
    if column < low or column >= high:
        return np.int64(-1)
    return np.int64((unit // length) * (high - low) + column - low)


@kernel
def _expire(own: Any, before: Any, t: int, columns: Any, curves: Any, sweep: Any) -> None:
    """Take out the terms of the spikes that are ``window`` + 1 steps later than t."""
    late = t + curves.window + 1
    if late >= len(own.first) - 1:
        return
    for k in range(own.first[late], own.first[late + 1]):
        i = _local(own.unit[k], columns)
        if i < 0:
            continue
        since = before[k]
        if sweep.next[i] == late:
            sweep.slow[i] = sweep.fast[i] = 0
        elif since == sweep.next[i]:
            sweep.rest[i] = 0
        else:
            sweep.rest[i] -= curves.psi[late - since] * curves.faded[since - t]


@kernel
def _row(sweep: Any, row: Any, decays: Any) -> None:
    """Write K at a step, and go one step back."""
    slow, fast, rest = sweep.slow, sweep.fast, sweep.rest
    keep, decay = decays
    none = np.float32(0)
    for k in range(len(slow)):
        first = slow[k] - fast[k]
        row[k] = (first if first > none else none) + rest[k]
        slow[k] *= keep
        fast[k] *= decay
        rest[k] *= decay


@kernel
def _spikes(own: Any, t: int, columns: Any, curves: Any, sweep: Any, row: Any) -> None:
    """Begin anew at the neurons that spike at t."""
    for k in range(own.first[t], own.first[t + 1]):
        i = _local(own.unit[k], columns)
        if i >= 0:
            sweep.slow[i], sweep.fast[i] = curves.start
            sweep.rest[i] = row[i] * curves.decays[1]
            sweep.next[i] = t


@inlined
def _gather(table: Any, steps: Any, first: int, e: Any) -> None:
    """Add the rows of some steps to e, two at a time."""
    k, n = 0, len(steps)
    while k + 2 <= n:
        a, b = table[np.uint64(steps[k] - first)], table[np.uint64(steps[k + 1] - first)]
        for i in range(len(e)):
            e[i] += a[i] + b[i]
        k += 2
    if k < n:
        a = table[np.uint64(steps[k] - first)]
        for i in range(len(e)):
            e[i] += a[i]


@inlined
def _gather_run(table: Any, steps: Any, first: int, at: int, e: Any) -> None:
    """Add a part of the rows of some steps to e."""
    for k in range(len(steps)):
        row = table[np.uint64(steps[k] - first), at : at + len(e)]
        for i in range(len(e)):
            e[i] += row[i]


@threaded
def spikes_before(own, before, last):  # type: ignore[no-untyped-def]
    """Write for each spike, by step, the step of the one before it of the same unit; 0: none."""
    last[:] = 0
    for t in range(len(own.first) - 1):
        for k in range(own.first[t], own.first[t + 1]):
            before[k] = last[own.unit[k]]
            last[own.unit[k]] = t


@kernel
def gather_spsp(own: Any, before: Any, below: Any, wires: Any, setting: Any, sweep: Any, e: Any):  # type: ignore[no-untyped-def]
    """Write the S-PSP of every synapse whose sender spiked; the others stay as they are.

    Parameters
    ----------
    own, below : Trains
        Of the layer, and of the one below.
    before : int32 array
        From ``before_of``.
    wires : RunWires
    setting : (Curves, Columns, cursors int32 (n_in,), dense)
    sweep : Sweep
    e : float32 array (n_runs, width)
    """
    curves, columns, cursor, dense = setting
    width = columns.high - columns.low
    for array in (sweep.slow, sweep.fast, sweep.rest):
        array[:] = 0
    sweep.next[:] = 0
    start = below.start
    for j in range(len(start) - 1):
        cursor[j] = start[j + 1]
        if start[j + 1] > start[j]:
            for r in range(wires.start[j], wires.start[j + 1]):
                e[r, :] = 0
    high = len(own.first) - 1
    while high > 1:
        low = max(1, high - BLOCK)
        for t in range(high - 1, low - 1, -1):
            _expire(own, before, t, columns, curves, sweep)
            row = sweep.table[t - low]
            _row(sweep, row, curves.decays)
            _spikes(own, t, columns, curves, sweep, row)
        for j in range(len(start) - 1):
            last = cursor[j]
            k = last
            while k > start[j] and below.step[k - 1] >= low:
                k -= 1
            if k == last:
                continue
            cursor[j] = k
            steps = below.step[k:last]
            for r in range(wires.start[j], wires.start[j + 1]):
                if dense:
                    _gather(sweep.table, steps, low, e[r])
                else:
                    _gather_run(sweep.table, steps, low, wires.place[r] * width, e[r])
        high = low
