"""Gradients by a population's own parameters: its threshold and its time constant.

In the adjoint's smooth picture a spike f carries ``u_f / threshold``, u_f being the
summed, decayed input of its neuron since its last spike. So the derivative by the threshold is
``-<W, dW> / threshold``, and that by tau the same sum of deliveries as for the weights
with exp(-s / tau) replaced by its derivative, ``s / tau**2 * exp(-s / tau)``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.backward import Gradients, leak_of
from eventsnn.engines.layered.passed import Passed
from eventsnn.errors import UserError
from eventsnn.kernels.compile import allocating
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.topology.dense import Dense


class Dynamics(NamedTuple):
    """Derivatives of the summed loss by the parameters of one population.

    Attributes
    ----------
    threshold : float
    tau_us : float
        Per microsecond; 0 for neurons without a leak.
    """

    threshold: float
    tau_us: float


def dynamics(
    passed: Passed, weights: list[NDArray[Any]], gradients: Gradients
) -> dict[int, Dynamics]:
    """Return the derivatives of every population of if and lif neurons, by its number.

    ``gradients`` are those of ``adjoint`` for the same pass and weights. UserError where
    a connection into such a population is not dense.
    """
    out = {}
    for link in passed.links:
        neuron = passed.network.populations[link.target].neuron
        if not isinstance(neuron, IF | LIF):
            continue
        connection = passed.network.connections[link.connection]
        if not isinstance(connection.topology, Dense):
            raise UserError(
                f"dynamics: {connection.name} is a {connection.topology.kind}; thresholds and "
                "time constants have gradients behind dense connections only"
            )
        w, c = np.asarray(weights[link.connection], np.float64), link.connection
        threshold = -float(np.vdot(w, gradients.weights[c])) / neuron.threshold
        parts = [np.zeros(0)]
        for piece, spikes in zip(passed.pieces, gradients.spikes, strict=True):
            if isinstance(neuron, LIF) and link.target in spikes:
                train, came = piece.trains[link.target], piece.deliveries[c]
                g = spikes[link.target] / neuron.threshold
                parts.append(_tau_gradients(came, w, train, g, leak_of(neuron)))
        out[link.target] = Dynamics(threshold, float(np.concatenate(parts).sum()))
    return out


@allocating
def _older_of(train, last, out):  # type: ignore[no-untyped-def]
    """Write the spike of the same neuron and recording before each, or -1."""
    for r in range(len(train.start) - 1):
        last[:] = -1
        for f in range(train.start[r], train.start[r + 1]):
            out[f] = last[train.unit[f]]
            last[train.unit[f]] = f


@allocating
def _tau_gradients(deliveries, weights, train, g, leak):  # type: ignore[no-untyped-def]
    """Walk the deliveries in reverse with lam and its derivative by tau, ``slope``.

    Returns the gradient by tau of each recording, float64 (n_recordings,).
    """
    n = weights.shape[1]
    lam, slope, before = np.zeros(n), np.zeros(n), np.full(n, -1)
    older = np.empty(len(train.t), np.int64)
    _older_of(train, before, older)
    out = np.zeros(len(deliveries.start) - 1)
    for r in range(len(out)):
        lam[:], slope[:], before[:] = 0, 0, -1
        f = train.start[r + 1] - 1
        now = np.int64(0)
        for e in range(deliveries.start[r + 1] - 1, deliveries.start[r] - 1, -1):
            t = deliveries.t[e]
            gap = np.float64(now - t)
            decay = np.exp(-gap / leak.tau_us)
            for i in range(n):
                slope[i] = (slope[i] + lam[i] * gap / leak.tau_us**2) * decay
                lam[i] *= decay
            now = t
            while f >= train.start[r] and train.t[f] >= t:
                i = train.unit[f]
                lam[i], slope[i] = g[f], 0
                before[i] = older[f]
                f -= 1
            row = np.int64(deliveries.row[e])
            for i in range(n):
                # What came in the refractory time of an older spike was lost.
                lost = before[i] >= 0 and t > train.t[before[i]]
                lost = lost and t < train.t[before[i]] + leak.refractory
                out[r] += 0.0 if lost else weights[row, i] * slope[i]
    return out
