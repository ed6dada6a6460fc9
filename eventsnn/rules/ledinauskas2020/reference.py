"""Deep spiking networks with batch normalisation in plain numpy, float64: the definition.

Ledinauskas, Ruseckas, Jursenas & Buracas (2020). Only the abstract and what others say of the
paper were at hand; docs/explanation/rules/ledinauskas2020.md lists what is assumed. Arrays are
(steps, samples, neurons); a layer's neurons are positions x channels. Within a step all layers
are passed:

(1) I = s_below W                   (2) J = gamma (I - mu) / sqrt(var + e) + beta, a channel
(3) U[t] = decay U[t-1] (1 - S[t-1]) + J[t]               hard reset
    U[t] = decay U[t-1] - threshold S[t-1] + J[t]         soft reset
(4) S[t] = 1 where U[t] >= threshold

Several synapses may lead into a layer: each has its own (1) and (2), and their J are summed. What a
skip connection carries is added to J (``before`` the neuron), or to S (``after`` it). The way back,
h a surrogate for the derivative of (4), d = dL/dS from the layers above at that step, e = dL/dU:

(6) D[t] = d[t] - decay U[t] e[t+1]         (hard; soft: - threshold e[t+1]; detached: neither)
(7) e[t] = D[t] h(U[t] - threshold) + decay (1 - S[t]) e[t+1]        (soft: decay e[t+1])
(8) dL/dJ = e
(9) dL/dI = gamma / sqrt(var + e) (e - mean(e) - x mean(e x)),    x = (I - mu) / sqrt(var + e)
(10) dL/dW = sum_t s_below^T dL/dI,   dL/ds_below = dL/dI W^T

Means of (2) and (9) are over steps, samples and positions; ``per_step`` takes each step by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.surrogates.surrogate import Surrogate

Floats = NDArray[np.float64]


class SteppedNeuron(NamedTuple):
    """Equations (3), (4), (6) and (7).

    Attributes
    ----------
    decay, threshold : float
    soft, detached : bool
        Soft reset; nothing goes back through the reset.
    surrogate : Surrogate
    fires : callable, optional
        In place of the step of (4): takes U - threshold. A smooth one makes gradients checkable.
    """

    decay: float
    threshold: float
    soft: bool
    detached: bool
    surrogate: Surrogate
    fires: Callable[[Floats], Floats] = lambda d: (d >= 0).astype(np.float64)

    def run(self, j: Floats) -> tuple[Floats, Floats]:
        """Return potentials and spikes of currents."""
        u, s = np.zeros_like(j), np.zeros_like(j)
        last, fired = np.zeros_like(j[0]), np.zeros_like(j[0])
        for t in range(len(j)):
            kept = last if self.soft else last * (1 - fired)
            u[t] = self.decay * kept - self.soft * self.threshold * fired + j[t]
            s[t] = self.fires(u[t] - self.threshold)
            last, fired = u[t], s[t]
        return u, s

    def back(self, u: Floats, s: Floats, d: Floats) -> Floats:
        """Return dL/dU from dL/dS."""
        h, e = self.surrogate.derivative(u - self.threshold), np.zeros_like(u)
        later = np.zeros_like(u[0])
        for t in reversed(range(len(u))):
            by_reset = self.threshold if self.soft else self.decay * u[t]
            whole = d[t] - (0.0 if self.detached else by_reset * later)
            e[t] = whole * h[t] + self.decay * (1.0 if self.soft else 1 - s[t]) * later
            later = e[t]
        return e


class NormOf(NamedTuple):
    """Equation (2).

    Attributes
    ----------
    epsilon : float
    per_step : bool
    """

    epsilon: float = 1e-5
    per_step: bool = False

    def axes(self) -> tuple[int, ...]:
        """Return what means are over, of (steps, samples, positions, channels)."""
        return (1, 2) if self.per_step else (0, 1, 2)

    def run(self, i: Floats, gamma: Floats, beta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return J, x, and 1 / sqrt(var + e)."""
        wide = i.reshape(*i.shape[:2], -1, len(gamma))
        mean = wide.mean(self.axes(), keepdims=True)
        root = 1 / np.sqrt(wide.var(self.axes(), keepdims=True) + self.epsilon)
        x = (wide - mean) * root
        return (gamma * x + beta).reshape(i.shape), x, root

    def back(
        self, e: Floats, x: Floats, root: Floats, gamma: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return dL/dI, dL/dgamma, dL/dbeta; equation (9)."""
        wide = e.reshape(x.shape)
        mean = wide.mean(self.axes(), keepdims=True)
        along = (wide * x).mean(self.axes(), keepdims=True)
        by_i = gamma * root * (wide - mean - x * along)
        return by_i.reshape(e.shape), (wide * x).sum((0, 1, 2)), wide.sum((0, 1, 2))


class DenseSynapses(NamedTuple):
    """Synapses into a layer, with their own normalisation.

    Attributes
    ----------
    source : int
        Layer that sends; 0 is the input.
    weights : array (n_in, n_out)
    gamma, beta : arrays (channels,)
    """

    source: int
    weights: Floats
    gamma: Floats
    beta: Floats


class NormedLayer(NamedTuple):
    """A layer.

    Attributes
    ----------
    synapses : tuple of DenseSynapses
    before, after : tuple of int
        Layers whose signals are added to its current, or to its spikes.
    """

    synapses: tuple[DenseSynapses, ...]
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()


class NormedRun(NamedTuple):
    """What happened.

    Attributes
    ----------
    sent : list of arrays
        Signals of the input and of each layer: spikes, and what is added to them.
    currents, normed, roots : lists, a layer each, of lists of arrays
        I, x and 1 / sqrt(var + e) of each of its synapses.
    u, s : lists of arrays
    logits : array (samples, classes)
        Means over steps of what the readout receives.
    """

    sent: list[Floats]
    currents: list[list[Floats]]
    normed: list[list[Floats]]
    roots: list[list[Floats]]
    u: list[Floats]
    s: list[Floats]
    logits: Floats


class NormedGradient(NamedTuple):
    """Derivatives: of weights, gamma and beta (layers of synapses), of I, of U, of the readout.

    ``signals`` are those by what the input and each layer send.
    """

    weights: list[list[Floats]]
    gamma: list[list[Floats]]
    beta: list[list[Floats]]
    currents: list[list[Floats]]
    potentials: list[Floats]
    readout: Floats
    signals: list[Floats]


def forward(
    sent: Floats, layers: list[NormedLayer], readout: Floats, neuron: SteppedNeuron, norm: NormOf
) -> NormedRun:
    """Run layers on what the input sends (steps, samples, n_in), spikes or real numbers."""
    ran = NormedRun([sent], [], [], [], [], [], np.zeros(0))
    for layer in layers:
        currents = [ran.sent[one.source] @ one.weights for one in layer.synapses]
        found = [
            norm.run(i, one.gamma, one.beta)
            for i, one in zip(currents, layer.synapses, strict=True)
        ]
        j = sum([j for j, _, _ in found] + [ran.sent[k] for k in layer.before])
        u, s = neuron.run(np.asarray(j))
        ran.currents.append(currents)
        ran.normed.append([x for _, x, _ in found])
        ran.roots.append([root for _, _, root in found])
        ran.u.append(u)
        ran.s.append(s)
        ran.sent.append(np.asarray(sum([s] + [ran.sent[k] for k in layer.after])))
    return ran._replace(logits=ran.sent[-1].mean(0) @ readout)


def backward(
    ran: NormedRun,
    layers: list[NormedLayer],
    readout: Floats,
    by_logits: Floats,
    neuron: SteppedNeuron,
    norm: NormOf,
) -> NormedGradient:
    """Walk back from dL/dlogits (samples, classes)."""
    steps, last = len(ran.sent[0]), ran.sent[-1]
    d = [np.zeros_like(sent) for sent in ran.sent]
    d[-1] += by_logits @ readout.T / steps
    found = NormedGradient([], [], [], [], [], last.mean(0).T @ by_logits, d)
    for n in reversed(range(len(layers))):
        layer = layers[n]
        for k in layer.after:
            d[k] += d[n + 1]
        e = neuron.back(ran.u[n], ran.s[n], d[n + 1])
        for k in layer.before:
            d[k] += e
        one: list[tuple[Floats, Floats, Floats, Floats]] = []
        for k, synapses in enumerate(layer.synapses):
            by_i, by_gamma, by_beta = norm.back(
                e, ran.normed[n][k], ran.roots[n][k], synapses.gamma
            )
            below = ran.sent[synapses.source]
            by_w = np.tensordot(below, by_i, ((0, 1), (0, 1)))
            d[synapses.source] += by_i @ synapses.weights.T
            one.append((by_w, by_gamma, by_beta, by_i))
        for to, part in zip(found[:4], zip(*one, strict=True), strict=True):
            to.insert(0, list(part))
        found.potentials.insert(0, e)
    return found
