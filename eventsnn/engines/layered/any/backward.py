"""The adjoint through any connection, synapse by synapse.

Into spiking neurons it is that of ``listed/backward.py`` with a weight for each synapse, whose
gradients are then added up by the weight that they read. Into a readout it is that of
``readout/backward.py``, over the synapses of a sender instead of a whole row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.any.wiring import Synapses, synapses_of
from eventsnn.engines.layered.dense.laid import plain
from eventsnn.engines.layered.listed.backward import Wiring, listed_walk
from eventsnn.engines.layered.walk import GROUP, TimedWalk, Walk, sums_of
from eventsnn.kernels.compile import allocating
from eventsnn.topology.topology import Topology


def listed_errors(topology: Topology, walk: Walk) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the errors of deliveries to spiking neurons, and the gradients by group."""
    synapses, weights = synapses_of(topology), plain(walk.weights)
    wiring = Wiring(synapses.start, synapses.target, False, topology.n_out)
    own = weights.reshape(-1)[synapses.weight]
    errors, single = listed_walk(wiring, walk._replace(weights=own))
    return errors, _folded(single, synapses, weights.shape)


def timed_errors(
    topology: Topology, walk: TimedWalk, tau_us: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the errors of deliveries to a readout, and the gradients by group."""
    synapses, w, came = synapses_of(topology), walk.weights, walk.came
    own = w.reshape(-1)[synapses.weight]
    errors, single = np.zeros(len(came.t), w.dtype), sums_of(came, own.shape, w.dtype)
    _timed_adjoint(came, (own, synapses), tau_us, walk.given, errors, single, GROUP)
    return errors, _folded(single, synapses, w.shape)


def _folded(single: NDArray[Any], synapses: Synapses, shape: tuple[int, ...]) -> NDArray[Any]:
    """Add the gradients of synapses up by the weight that each reads, a group each."""
    out = np.zeros((len(single), math.prod(shape)), single.dtype)
    for row, gradient in zip(out, single, strict=True):
        np.add.at(row, synapses.weight, gradient)
    return out.reshape(-1, *shape)


@allocating
def _timed_adjoint(deliveries, wires, tau, given, errors, gradients, group):  # type: ignore[no-untyped-def]
    """Walk the deliveries in reverse: fill ``errors``, add to ``gradients``."""
    weights, synapses = wires
    real = weights.dtype.type
    lam = np.zeros(given.final.shape[1])
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
            for i in range(len(lam)):
                if deliveries.last[e] and given.maximum_t[r, i] == np.float64(t):
                    lam[i] += given.maximum[r, i]
            now, total, count = t, 0.0, deliveries.multiple[e] if len(deliveries.multiple) else 1.0
            for s in range(synapses.start[row], synapses.start[row + 1]):
                owed = lam[np.int64(synapses.target[s])] * count
                total += np.float64(weights[s]) * owed
                gradient[s] += real(owed)
            errors[e] = real(total)
