"""The adjoint of connections whose targets are listed one by one: pooling and sparse ones.

As in ``patch.py`` the adjoint of a target never decays event by event: within a
segment it is scaled by exp(-u / tau) of the time u of each jump, and scaled back by the
time of the delivery that reads it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.laid import plain
from eventsnn.engines.layered.walk import GROUP, Walk, sums_of
from eventsnn.kernels.compile import allocating


class Wiring(NamedTuple):
    """Every synapse: sender i owns start[i] to start[i + 1] - 1.

    Attributes
    ----------
    start : int64 array (n_in + 1,)
    target : int32 array (n,)
    shared : bool
        True if all synapses read weight 0, False if each has its own.
    n_out : int
    """

    start: NDArray[np.int64]
    target: NDArray[np.int32]
    shared: bool
    n_out: int


def listed_walk(wiring: Wiring, walk: Walk) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the errors of the deliveries, and the gradients of the weights by group."""
    weights = plain(walk.weights)
    errors, gradients = (
        np.empty(len(walk.came.t), weights.dtype),
        sums_of(walk.came, weights.shape, weights.dtype),
    )
    args = walk.came, walk.grown, weights, wiring, walk.jumps, walk.growth
    listed_adjoint(*args, errors, gradients, GROUP)
    return errors, gradients


@allocating
def listed_adjoint(deliveries, grown, weights, wiring, jumps, growth, errors, sums, group):  # type: ignore[no-untyped-def]
    """Walk the deliveries in reverse: fill ``errors`` (n_deliveries,), add to ``sums``.

    ``grown`` is ``walk_kernel.growth_of`` the deliveries; ``weights`` and each of ``sums``,
    the gradients of ``group`` recordings, are of the topology's ``weight_shape``.
    """
    real = weights.dtype.type
    lam = np.zeros(wiring.n_out, weights.dtype)
    back = real(growth.back)
    for r in range(len(deliveries.start) - 1):
        lam[:] = 0
        gradient = sums[r // group]
        k, segment = jumps.start[r + 1] - 1, np.int64(0)
        if k >= jumps.start[r]:
            segment = jumps.t[k] // growth.length * growth.length
        for e in range(deliveries.start[r + 1] - 1, deliveries.start[r] - 1, -1):
            t = deliveries.t[e]
            while k >= jumps.start[r] and jumps.t[k] >= t:
                while jumps.t[k] < segment:
                    segment -= growth.length
                    lam *= back
                late = math.exp(-np.float64(jumps.t[k] - segment) / growth.tau_us)
                lam[np.int64(jumps.unit[k])] += real(jumps.size[k] * late)
                k -= 1
            while t < segment:
                segment -= growth.length
                lam *= back
            row, total = np.int64(deliveries.row[e]), real(0)
            for s in range(wiring.start[row], wiring.start[row + 1]):
                w = np.int64(0) if wiring.shared else s
                owed = lam[np.int64(wiring.target[s])] * grown[e]
                total += weights[w] * owed
                gradient[w] += owed
            errors[e] = total
