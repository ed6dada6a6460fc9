"""Gradients by a population's own parameters: its threshold and its time constant.

In the adjoint's smooth picture a spike f carries ``u_f / threshold``, u_f being the
summed, decayed input of its neuron since its last spike. So the derivative by the threshold is
``-<W, dW> / threshold``, and that by tau the same sum of deliveries as for the weights
with exp(-s / tau) replaced by its derivative, ``s / tau**2 * exp(-s / tau)``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.any.wiring import synapses_of
from eventsnn.engines.layered.backward import Gradients
from eventsnn.engines.layered.listed.cells import Targets
from eventsnn.engines.layered.passed import Passed
from eventsnn.engines.layered.walk_kernel import Leak
from eventsnn.kernels.compile import allocating


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
    """Return the derivatives of every spiking population, by its number.

    ``gradients`` are those of ``adjoint`` for the same pass and weights.
    """
    out = {}
    for link in passed.links:
        neuron = passed.network.populations[link.target].neuron
        membrane = neuron.membrane if neuron is not None and neuron.spiking else None
        if membrane is None:
            continue
        w, c = np.asarray(weights[link.connection], np.float64), link.connection
        threshold = -float(np.vdot(w, gradients.weights[c])) / membrane.threshold
        leak = Leak(membrane.tau_us, int(membrane.refractory_us))
        n = passed.network.populations[link.target].size
        synapses = synapses_of(passed.network.connections[c].topology)
        wiring = Targets(synapses.start, synapses.target, w.reshape(-1)[synapses.weight], False)
        parts = [np.zeros(0)]
        for piece, spikes in zip(passed.pieces, gradients.spikes, strict=True):
            if math.isfinite(membrane.tau_us) and link.target in spikes:
                train, came = piece.trains[link.target], piece.deliveries[c]
                g = spikes[link.target] / membrane.threshold
                parts.append(_tau_gradients(came, wiring, train, g, leak, n))
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
def _tau_gradients(deliveries, wiring, train, g, leak, n):  # type: ignore[no-untyped-def]
    """Walk the deliveries in reverse with lam and its derivative by tau, ``slope``.

    Returns the gradient by tau of each recording, float64 (n_recordings,).
    """
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
            count = deliveries.multiple[e] if len(deliveries.multiple) else 1.0
            for s in range(wiring.start[row], wiring.start[row + 1]):
                k = np.int64(wiring.target[s])
                # What came in the refractory time of an older spike was lost.
                lost = before[k] >= 0 and t > train.t[before[k]]
                lost = lost and t < train.t[before[k]] + leak.refractory
                out[r] += 0.0 if lost else count * wiring.weight[s] * slope[k]
    return out
