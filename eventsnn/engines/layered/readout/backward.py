"""The adjoint of a dense connection into a readout: exact, since nothing there fires."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.walk import GROUP, TimedWalk, sums_of
from eventsnn.kernels.compile import allocating


def readout_walk(walk: TimedWalk, tau_us: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the errors of the deliveries, and the gradients of the weights by group."""
    came, w = walk.came, walk.weights
    errors, gradients = np.zeros(len(came.t), w.dtype), sums_of(came, w.shape, w.dtype)
    readout_adjoint(came, w, tau_us, walk.given, errors, gradients, GROUP)
    return errors, gradients


@allocating
def readout_adjoint(deliveries, weights, tau, given, errors, gradients, group):  # type: ignore[no-untyped-def]
    """Walk the deliveries in reverse: fill ``errors``, add to ``gradients``.

    ``gradients`` float (n_groups, n_in, n_out) are of ``group`` recordings each.

    Between deliveries ``lam`` decays backwards and takes up the integral's share; at the
    end and at the maximum it jumps.
    """
    real = weights.dtype.type
    lam = np.zeros(weights.shape[1])
    for r in range(len(deliveries.start) - 1):
        now, gradient = given.end[r], gradients[r // group]
        lam[:] = given.final[r]
        for e in range(deliveries.start[r + 1] - 1, deliveries.start[r] - 1, -1):
            t, row = deliveries.t[e], np.int64(deliveries.row[e])
            dt = np.float64(now - t)
            if dt > 0:
                decay = math.exp(-dt / tau)
                area = dt if math.isinf(tau) else tau * (1.0 - decay)
                for i in range(len(lam)):
                    lam[i] = lam[i] * decay + given.integral[r, i] * area
            if deliveries.last[e]:
                for i in range(len(lam)):
                    if given.maximum_t[r, i] == np.float64(t):
                        lam[i] += given.maximum[r, i]
            now = t
            total, count = 0.0, deliveries.multiple[e] if len(deliveries.multiple) else 1.0
            for i in range(len(lam)):
                total += np.float64(weights[row, i]) * lam[i]
                gradient[row, i] += real(lam[i] * count)
            errors[e] = real(total)
