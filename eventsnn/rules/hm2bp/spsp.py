"""S-PSP by one backward sweep over a neuron's own spikes (eq. 8, 9).

K[i, t] is the S-PSP that one input spike at step t leaves on neuron i. With d the steps from t to
the next spike of i, and R = K at that spike,

    K = psi(d - lag) [0 where d < lag]  +  exp(-d / tau_syn) R

so that one sweep over the steps gives it, all neurons abreast, without an exponential. Terms of
spikes that are more than ``window`` steps later are taken out as they expire.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import int64
from numpy.typing import NDArray

from eventsnn.engines.layered.lanes import aligned
from eventsnn.kernels.compile import inlined, kernel
from eventsnn.kernels.vector import first_bit
from eventsnn.rules.hm2bp.lanes import LANES, sweep_rows
from eventsnn.rules.hm2bp.layers import Steps

BLOCK = 32
"""Steps whose rows of K are added up together: sums of pairs of rows do not reach across."""


class Sweep(NamedTuple):
    """State of the sweep over neurons, LANES by LANES.

    Attributes
    ----------
    state : float32 array (lots, 3, LANES)
        The two exponentials of d - lag, over 1 - tau_syn / tau_mem; exp(-d / tau_syn) R.
    late : int32 array (lots, LANES)
        Where in ``Trains.step`` the spike stands that expires next.
    fired : uint64 array (lots, T)
        Who spikes at a step, a bit each.
    table : float32 array (steps + 1, neurons)
        Rows of K, and at the end one of zeros. Neurons that go one lot after the other share it.
    """

    state: NDArray[np.float32]
    late: NDArray[np.int32]
    fired: NDArray[np.uint64]
    table: NDArray[np.float32]

    @classmethod
    def room(cls, lots: int, rows: int, steps: int) -> Sweep:
        """Return room for so many lots abreast, rows of K, and steps."""
        state = aligned(lots * 3 * LANES, np.float32).reshape(lots, 3, LANES)
        table = aligned((rows + 1) * lots * LANES, np.float32).reshape(rows + 1, -1)
        late = np.zeros((lots, LANES), np.int32)
        return cls(state, late, np.zeros((lots, steps), np.uint64), table)


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


@kernel
def begin_sweep(own: Any, first: int, end: int, lot: int, sweep: Any) -> None:
    """Begin behind the last step, with the units first to end - 1 as a lot."""
    sweep.state[lot] = 0
    fired = sweep.fired[lot]
    fired[:] = 0
    for i in range(end - first):
        bit = np.uint64(1) << np.uint64(i)
        for k in range(own.start[first + i], own.start[first + i + 1]):
            fired[own.step[k]] |= bit
        sweep.late[lot, i] = own.start[first + i + 1] - 1


@inlined
def _expire(own: Any, begin: int, k: int, t: int, curves: Any, state: Any) -> None:
    """Take out the terms of spike k, ``window`` + 1 steps after t; ``state``: (array, lane)."""
    numbers, i = state
    late = own.step[k]
    since = own.step[k - 1] if k > begin else 0
    if since <= t:
        numbers[0, i] = numbers[1, i] = 0
    elif k - 1 == begin or own.step[k - 2] <= t:
        numbers[2, i] = 0
    else:
        numbers[2, i] -= curves.psi[late - since] * curves.faded[since - t]


@kernel
def sweep_lot(own: Any, first: int, steps: Any, curves: Any, sweep: Any, into: Any) -> None:
    """Go back over steps with a lot.

    Parameters
    ----------
    own : Trains
    first : int
        Its first unit.
    steps : (int, int)
        The first step and the end; row 0 of the table is that of the first.
    curves : Curves
    sweep : Sweep
    into : (int, int)
        The lot, and its first column in the table.
    """
    low, high = steps
    lot, column = into
    state, late, fired = sweep.state[lot], sweep.late[lot], sweep.fired[lot]
    constants, ahead = (*curves.decays, *curves.start), curves.window + 1
    t = high - 1
    while t >= low:
        bits = fired[t + ahead] if t + ahead < len(fired) else np.uint64(0)
        while bits:
            i = int64(first_bit(bits))
            bits &= bits - np.uint64(1)
            _expire(own, own.start[first + i], late[i], t, curves, (state, i))
            late[i] -= 1
        end = t - 1
        while end >= low and (end + ahead >= len(fired) or not fired[end + ahead]):
            end -= 1
        shape = int64(t - low), int64(column), int64(t), int64(t - end)
        sweep_rows(sweep.table, state, fired, shape, constants)
        t = end
