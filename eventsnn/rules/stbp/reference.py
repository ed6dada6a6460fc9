"""STBP swept over every step and every neuron in plain numpy, float64: the definition.

Wu et al. (2018), equations as printed there. Layer n has potentials u (steps, neurons) and spikes
o; o of layer 0 is the input, 0 or 1 (or counts). Within a step all layers are passed:

(3) x[t] = o_below[t] W            (4) u[t] = u[t-1] f(o[t-1]) + x[t] + b
(5) o[t] = 1 where u[t] >= V       (6) f(o) = decay exp(-o / decay), or decay (1 - o)

The way back, h a surrogate for the derivative of (5), d = dL/do, e = dL/du:

d[t] = (dL/drate) / T, or e_above[t] W_above^T,  + e[t+1] u[t] f'(o[t])      (15), (18)
e[t] = d[t] h(u[t] - V) + e[t+1] f(o[t])                                     (20)
dL/dW = sum_t o_below[t]^T e[t]                   dL/db = sum_t e[t]         (21), (22)

Equation (20) is printed with d[t+1] h(u[t+1]) in place of e[t+1]: the leak is carried one step and
no further. ``temporal`` says which: True for the recursion above, which is the chain rule,
"printed" for the paper's, and False for no step at all (SDBP, its spatial baseline). (16) lacks
the first term of (20), and indices of (18) are misprints; the chain rule has them as here.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.surrogates.surrogate import Surrogate
from eventsnn.topology.topology import Topology

Temporal = Literal[True, False, "printed"]
Floats = NDArray[np.float64]


class IterativeLIF(NamedTuple):
    """The iterative LIF, and its way back.

    Attributes
    ----------
    decay, threshold : float
    exact : bool
        f(o) = decay exp(-o / decay); else f(o) = decay (1 - o), of the authors' programs.
    surrogate : Surrogate
    temporal : True, False or "printed"
    """

    decay: float
    threshold: float
    exact: bool
    surrogate: Surrogate
    temporal: Temporal = True

    def f(self, o: Floats) -> Floats:
        """Return f of spikes, or of what stands in their place in a smooth network."""
        return self.decay * (np.exp(-o / self.decay) if self.exact else 1 - o)

    def slope(self, o: Floats) -> Floats:
        """Return f' of spikes."""
        return -np.exp(-o / self.decay) if self.exact else np.full_like(o, -self.decay)


class DenseRun(NamedTuple):
    """What happened: spikes below the first layer, then potentials and spikes a layer."""

    sent: Floats
    u: list[Floats]
    o: list[Floats]

    @property
    def rates(self) -> Floats:
        """Spikes a step of each output."""
        return np.asarray(self.o[-1].mean(0), np.float64)


class DenseGradient(NamedTuple):
    """Derivatives of the loss: of weights (n_in, n_out) and biases (n_out,), e and d a layer."""

    weights: list[Floats]
    biases: list[Floats]
    e: list[Floats]
    d: list[Floats]


def forward(
    sent: Floats, weights: list[Floats], biases: list[Floats], lif: IterativeLIF
) -> DenseRun:
    """Run layers of weights (n_in, n_out) and biases (n_out,) on spikes (steps, n_in)."""
    below, potentials, spikes = sent, list[Floats](), list[Floats]()
    for w, bias in zip(weights, biases, strict=True):
        x = below @ w + bias
        u, o = np.zeros_like(x), np.zeros_like(x)
        last, fired = np.zeros(x.shape[1]), np.zeros(x.shape[1])
        for t in range(len(x)):
            u[t] = last * lif.f(fired) + x[t]
            o[t] = u[t] >= lif.threshold
            last, fired = u[t], o[t]
        potentials.append(u)
        spikes.append(o)
        below = o
    return DenseRun(sent, potentials, spikes)


def backward(
    ran: DenseRun, weights: list[Floats], by_rate: Floats, lif: IterativeLIF
) -> DenseGradient:
    """Walk back from dL/drate (n_out,)."""
    steps, layers = len(ran.sent), len(weights)
    from_above = np.tile(by_rate / steps, (steps, 1))
    found = DenseGradient([], [], [], [])
    for n in reversed(range(layers)):
        u, o = ran.u[n], ran.o[n]
        h = lif.surrogate.derivative(u - lif.threshold)
        d, e, sent_down = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
        later = np.zeros(u.shape[1])
        for t in reversed(range(steps)):
            carried = later if lif.temporal else np.zeros_like(later)
            d[t] = from_above[t] + carried * u[t] * lif.slope(o[t])
            e[t] = d[t] * h[t] + carried * lif.f(o[t])
            sent_down[t] = d[t] * h[t] if lif.temporal == "printed" else e[t]
            later = sent_down[t]
        below = ran.sent if n == 0 else ran.o[n - 1]
        found.weights.insert(0, below.T @ e)
        found.biases.insert(0, e.sum(0))
        found.e.insert(0, e)
        found.d.insert(0, d)
        from_above = sent_down @ weights[n].T
    return found


def unrolled(topology: Topology, weights: NDArray[Any]) -> Floats:
    """Return the weights of a connection as a matrix (n_in, n_out) of what a spike adds."""
    out, flat = np.zeros((topology.n_in, topology.n_out)), np.asarray(weights).reshape(-1)
    for j in range(topology.n_in):
        targets, index = topology.fan_out(j)
        np.add.at(out[j], targets, flat[index] * topology.share)
    return out


def rolled(topology: Topology, matrix: Floats) -> Floats:
    """Return the derivatives of ``unrolled`` weights as those of the connection's own."""
    out = np.zeros(math.prod(topology.weight_shape))
    for j in range(topology.n_in):
        targets, index = topology.fan_out(j)
        np.add.at(out, index, matrix[j, targets] * topology.share)
    return out.reshape(topology.weight_shape)
