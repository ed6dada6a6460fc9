"""The rule a second time, by whole traces: nothing is carried on from event to event.

Equations (6) to (13) of Lee, Delbruck & Pfeiffer (2016) as they stand there, in matrices, for
dense layers. A potential is the sum over all that ever reached the neuron, each faded by its age:
that is equation (7), with sigma = 1 in the run itself, and exact while no potential is clipped
and no input is taken for less than it is. ``clipped`` says whether that was so. It shares no
arithmetic with ``reference.py``, and is far slower.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.lee2016.reference_learning import StepRates

Floats = NDArray[np.float64]


@dataclass
class TraceLayer:
    """A dense layer.

    Attributes
    ----------
    weight : float64 array (n_in, n_out)
    threshold : float64 array (n_out,)
    kappa, floor : float
    kicks : list of (time, float64 array (n_out,))
        What moved the potentials, in its order.
    spikes : list of (time, neuron)
    """

    weight: Floats
    threshold: Floats
    kappa: float
    floor: float
    kicks: list[tuple[float, Floats]] = field(default_factory=list)
    spikes: list[tuple[float, int]] = field(default_factory=list)

    def potentials(self, t: float, tau: float) -> Floats:
        """Return all potentials, from everything that moved them."""
        total = np.zeros(len(self.threshold))
        for when, kick in self.kicks:
            total += kick * np.exp((when - t) / tau)
        return total

    def trace(self, end: float, tau: float) -> Floats:
        """Return a(end) of equation (6)."""
        total = np.zeros(len(self.threshold))
        for when, i in self.spikes:
            total[i] += np.exp((when - end) / tau)
        return total


@dataclass
class TraceNetwork:
    """Layers, and the numbers of a run."""

    layers: list[TraceLayer]
    tau: float
    rho: float = 0.0
    clipped: bool = False
    inputs: list[tuple[float, int]] = field(default_factory=list)

    def present(self, t: Floats, unit: NDArray[np.int64]) -> None:
        """Send the events of a sample that is learned."""
        self.clipped, self.inputs = False, list(zip(t.tolist(), unit.tolist(), strict=True))
        for layer in self.layers:
            layer.kicks, layer.spikes = [], []
        for when, sender in self.inputs:
            self._send(0, sender, when)

    def _send(self, k: int, sender: int, t: float) -> None:
        layer = self.layers[k]
        layer.kicks.append((t, layer.weight[sender].copy()))
        v = layer.potentials(t, self.tau)
        self.clipped |= bool((v <= -layer.threshold).any())
        fires = v >= layer.threshold
        if not fires.any():
            return
        # Equation (7): an own spike takes the threshold, one of the group kappa of it.
        others = fires.sum() - fires
        layer.kicks.append((t, layer.threshold * (layer.kappa * others - fires)))
        self.clipped |= bool((layer.potentials(t, self.tau) <= -layer.threshold).any())
        layer.spikes += [(t, int(i)) for i in np.flatnonzero(fires)]
        if k + 1 < len(self.layers):
            self._regulate(layer, fires)
            for i in np.flatnonzero(fires):
                self._send(k + 1, int(i), t)

    def _regulate(self, layer: TraceLayer, fires: NDArray[np.bool_]) -> None:
        """Equation (16)."""
        moved = layer.threshold + self.rho * (len(fires) * fires - fires.sum())
        stuck = moved < layer.floor
        layer.threshold = np.where(stuck, layer.threshold, moved)
        layer.weight = layer.weight + self.rho * fires.sum() * stuck

    def learn(self, label: int, end: float, rates: StepRates) -> None:
        """Take the step of equations (11) to (15)."""
        first = np.zeros(len(self.layers[0].weight))
        for when, i in self.inputs:
            first[i] += np.exp((when - end) / self.tau)
        traces = [first, *(layer.trace(end, self.tau) for layer in self.layers)]
        deltas = self._deltas(label, traces, rates)
        for k, (layer, delta) in enumerate(zip(self.layers, deltas, strict=True)):
            n_in, n = layer.weight.shape
            m = int((traces[k] > 0).sum())
            scaled = rates.normalise and m > 0
            step = np.outer(traces[k], delta) * (np.sqrt(n / m) if scaled else 1.0)
            if k + 1 < len(self.layers):
                squares = np.einsum("ij,ij->j", layer.weight, layer.weight)
                steep = np.exp(rates.slope * (squares - 1))
                step += rates.slope * rates.cost * layer.weight * steep
            layer.weight = layer.weight - rates.weight * step
            a, strength = traces[k + 1], rates.sigma * layer.kappa
            slope = delta * (a - strength * (a.sum() - a))
            slope *= np.sqrt(n / (m * n_in)) if scaled else 1.0
            layer.threshold = np.maximum(layer.threshold + rates.threshold * slope, layer.floor)

    def _deltas(self, label: int, traces: list[Floats], rates: StepRates) -> list[Floats]:
        """Return the errors of each layer, equation (12)."""
        top = self.layers[-1]
        counts = np.bincount([i for _, i in top.spikes], minlength=len(top.threshold))
        wrong = counts / max(counts.max(), 1) - np.eye(len(counts))[label]
        if rates.share_error and wrong.any():
            wrong = wrong / np.sqrt(np.count_nonzero(wrong))
        found = [_gains(top.threshold, np.ones(len(counts), bool), rates) * wrong]
        for k in range(len(self.layers) - 2, -1, -1):
            active, above = traces[k + 1] > 0, self.layers[k + 1]
            wide = np.sqrt(len(active) / max(active.sum(), 1)) if rates.normalise else 1.0
            gains = _gains(self.layers[k].threshold, active, rates)
            found.insert(0, gains * wide * (above.weight @ found[0]))
        return found


def _gains(threshold: Floats, active: NDArray[np.bool_], rates: StepRates) -> Floats:
    """Return g of active neurons, over its root mean square where errors are normalised."""
    gains = np.where(active, 1 / threshold, 0.0)
    if rates.normalise and active.any():
        gains = gains / np.sqrt(np.mean(gains[active] ** 2))
    return np.asarray(gains)
