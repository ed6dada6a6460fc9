"""The rule in plain Python, one number after the other: the definition of ``forward.py``.

Equations are those of Lee, Delbruck & Pfeiffer (2016). A spike goes on at once, depth first, in
order of unit, and every one of them is an event of its own: thresholds are tested after each.
Weights are a number a synapse times a scale a receiver, by which the cost of weights lets all
synapses of a neuron decay at once. A convolution's maps are a group at each position, and
share scale and threshold. How the way back goes stands in ``reference_learning.py``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.network import Network
from eventsnn.neurons.neuron import decay
from eventsnn.rules.lee2016.network import group_of, is_learned, neuron_of


class SynapseRun(NamedTuple):
    """LayerSynapses of a sender to all maps of a position: first target, first weight."""

    target: int
    weight: int


class Units:
    """A population: what its neurons hold in a presentation."""

    def __init__(self, size: int) -> None:
        self.v = [0.0] * size
        self.clock = [0.0] * size  # of a group: its first entries
        self.hit = [-math.inf] * size  # when it last fired, or was inhibited
        self.trace = [0.0] * size
        self.last = [0.0] * size  # when it last fired: the time of its trace
        self.count = [0] * size
        self.active: list[int] = []  # those that fired, in the order of their first spikes


class LayerSynapses:
    """What a layer has learned.

    Attributes
    ----------
    weight : list of float
        Flat, as the topology has them, to be multiplied by the scale of the receiver's map.
    scale, square, threshold : list of float
        A map each: scale, the sum of squares of its ``weight``, threshold.
    floor : float
        Least threshold.
    """

    def __init__(self, weight: NDArray[Any], threshold: NDArray[Any], floor: float) -> None:
        maps = len(threshold)
        self.weight = [float(w) for w in weight.reshape(-1)]
        self.threshold = [float(v) for v in threshold]
        self.scale = [1.0] * maps
        self.square = [0.0] * maps
        self.floor = float(floor)
        self.recount()

    def recount(self) -> None:
        """Sum the squares anew."""
        maps = len(self.square)
        self.square = [0.0] * maps
        for k, w in enumerate(self.weight):
            self.square[k % maps] += w * w

    def fold(self) -> None:
        """Multiply the weights by their scales, which become 1; sum the squares anew."""
        maps = len(self.scale)
        self.weight = [w * self.scale[k % maps] for k, w in enumerate(self.weight)]
        self.scale = [1.0] * maps
        self.recount()


class Reference:
    """A network and what it has learned.

    Parameters
    ----------
    network : Network
        Of ``network_of``.
    synapses : list of LayerSynapses
        A connection each.
    threshold_cost : float
        rho of equation (16).
    """

    def __init__(
        self, network: Network, synapses: list[LayerSynapses], threshold_cost: float
    ) -> None:
        self.network, self.synapses, self.threshold_cost = network, synapses, threshold_cost
        self.neurons = [neuron_of(p) for p in network.populations[1:]]
        self.groups = [group_of(p) for p in network.populations[1:]]
        self.learned = [is_learned(c.topology) for c in network.connections]
        self.tau, self.table = self.neurons[0].tau_us, self.neurons[0].decays
        self.runs = [
            [_runs(c.topology.fan_out(i), size) for i in range(c.topology.n_in)]
            for c, size in zip(network.connections, self.groups, strict=True)
        ]
        self.log: list[tuple[float, int, int]] = []
        self.rest()

    def rest(self) -> None:
        """Begin a presentation."""
        self.units = [Units(p.size) for p in self.network.populations]
        self.log = []

    def decay(self, dt: float) -> float:
        """Return exp(-dt / tau)."""
        return decay(dt, self.tau, self.table)

    def present(self, t: NDArray[Any], unit: NDArray[Any], learn: bool) -> None:
        """Send events in their order; ``log`` has every spike: (t, population, unit)."""
        self.rest()
        for when, sender in zip(t.tolist(), unit.tolist(), strict=True):
            self._note(0, sender, float(when))
            self._send(0, sender, float(when), learn)

    def traces(self, p: int, end: float) -> list[float]:
        """Return the trace of each unit of a population at ``end``, equation (6)."""
        units = self.units[p]
        out = [0.0] * len(units.v)
        for i in units.active:
            out[i] = units.trace[i] * self.decay(end - units.last[i])
        return out

    def _note(self, p: int, i: int, t: float) -> None:
        """Count a spike, in the trace, too."""
        units = self.units[p]
        units.trace[i] = units.trace[i] * self.decay(t - units.last[i]) + 1.0
        units.last[i] = t
        units.count[i] += 1
        if units.count[i] == 1:
            units.active.append(i)
        self.log.append((t, p, i))

    def _send(self, layer: int, sender: int, t: float, learn: bool) -> None:
        """Deliver one spike to a layer; what fires there goes on, depth first."""
        fired: list[int] = []
        for run in self.runs[layer][sender]:
            fired += self._receive(layer, run, t, learn)
        for i in fired:
            if layer + 1 < len(self.synapses):
                self._send(layer + 1, i, t, learn)

    def _receive(self, layer: int, run: SynapseRun, t: float, learn: bool) -> list[int]:
        """Deliver to a group, equations (1) to (3); return who fires."""
        size, units, own = self.groups[layer], self.units[layer + 1], self.synapses[layer]
        group, inhibits = run.target // size, self.neurons[layer].inhibition < 0
        fall, units.clock[group] = self.decay(t - units.clock[group]), t
        winners = []
        for c in range(size):
            i = run.target + c
            share = self._share(layer, t - units.hit[group if inhibits else i])
            v = units.v[i] * fall + own.weight[run.weight + c] * own.scale[c] * share
            units.v[i] = v if v > -own.threshold[c] else -own.threshold[c]
            if units.v[i] >= own.threshold[c]:
                winners.append(c)
        if winners:
            self._fire(layer, run, winners, t)
            if learn and layer + 1 < len(self.synapses) and self.learned[layer]:
                self._regulate(layer, winners)
        return [run.target + c for c in winners]

    def _share(self, layer: int, gap: float) -> float:
        """Return how much an input counts so long after a spike, equation (2)."""
        refractory = self.neurons[layer].refractory_us
        if gap < refractory:
            part = gap / refractory
            return part * part
        return 1.0

    def _fire(self, layer: int, run: SynapseRun, winners: list[int], t: float) -> None:
        """Reset those that fire, inhibit the others, equations (4) and (5)."""
        size, units, own = self.groups[layer], self.units[layer + 1], self.synapses[layer]
        kappa = self.neurons[layer].inhibition
        for c in winners:
            units.v[run.target + c] -= own.threshold[c]
            if kappa == 0:
                units.hit[run.target + c] = t
        for winner in winners if kappa < 0 else ():
            units.hit[run.target // size] = t
            for c in range(size):
                if c != winner:
                    v = units.v[run.target + c] + kappa * own.threshold[c]
                    units.v[run.target + c] = v if v > -own.threshold[c] else -own.threshold[c]
        for c in winners:
            self._note(layer + 1, run.target + c, t)

    def _regulate(self, layer: int, winners: list[int]) -> None:
        """Move the thresholds of a group in which some fired, equation (16)."""
        size, own, rho = self.groups[layer], self.synapses[layer], self.threshold_cost
        if rho == 0:
            return
        fall = rho * len(winners)
        for c in winners:
            own.threshold[c] += rho * size
        for c in range(size):
            lower = own.threshold[c] - fall
            if lower < own.floor:
                self._lift(own, c, fall)
            else:
                own.threshold[c] = lower

    def _lift(self, own: LayerSynapses, c: int, by: float) -> None:
        """Raise all weights of a neuron whose threshold cannot fall."""
        step = by / own.scale[c]
        for k in range(c, len(own.weight), len(own.scale)):
            w = own.weight[k]
            own.weight[k] = w + step
            own.square[c] += step * (w + w + step)


def _runs(fan_out: tuple[NDArray[np.int64], NDArray[np.int64]], size: int) -> list[SynapseRun]:
    """Return the synapses of a sender, a position at a time."""
    targets, weights = fan_out
    firsts = zip(targets[::size].tolist(), weights[::size].tolist(), strict=True)
    return [SynapseRun(target, weight) for target, weight in firsts]
