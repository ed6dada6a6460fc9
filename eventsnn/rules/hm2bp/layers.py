"""The layers of a network of HM2-BP: what each is reached through, its neuron, what learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.stepped_lif import SteppedLIF
from eventsnn.topology.dense import Dense
from eventsnn.topology.topology import Topology

WEIGHT_SCALE = 8.0
"""W of the regulariser."""

SILENT_SPSP, SILENT_SIDE, SILENT_RATIO = 0.1, 0.5, 1.0
"""What stands for e, e / o_i and e / o_j where the neuron that it is divided by is silent."""

WINDOW = 4
"""Inputs older than so many tau_mem leave no S-PSP."""


@dataclass(frozen=True)
class GridLayer:
    """One layer and the connection into it.

    Attributes
    ----------
    name : str
    topology : Topology
        From the layer below; its fan-outs are runs of one length.
    neuron : SteppedLIF
    shape : tuple of int
        Of the population.
    learns : bool
        False for pooling, whose weights are 1, and for a fixed reservoir.
    divisor : float
        Of the error of a count: the threshold; of pooling the inputs of a window.
    ratio : bool
        Whether the effect ratio is passed down (else 1).
    recurrent : bool
        Whether it also reaches itself, through fixed weights (n, n).
    inhibition : float
        Strength w0 with which outputs inhibit each other.
    """

    name: str
    topology: Topology
    neuron: SteppedLIF
    shape: tuple[int, ...]
    learns: bool = True
    divisor: float = 1.0
    ratio: bool = True
    recurrent: bool = False
    inhibition: float = 0.0

    @property
    def weight_shape(self) -> tuple[int, int]:
        """Rows and columns of the weights: a row for each sender of a neuron."""
        *rows, columns = self.topology.weight_shape
        return int(np.prod(rows, dtype=np.int64)), columns

    @property
    def steps(self) -> Steps:
        """The neuron's constants, in steps."""
        step = self.neuron.step_us
        mem, syn = self.neuron.tau_mem_us / step, self.neuron.tau_syn_us / step
        return Steps(mem, syn, int(self.neuron.refractory_steps), int(WINDOW * mem))

    def inward(self, given: NDArray[np.floating] | None = None) -> NDArray[np.floating] | None:
        """Return the weights of the layer onto itself (n, n): inhibition, or those given."""
        if given is not None:
            return given
        if not self.inhibition:
            return None
        n = self.topology.n_out
        return np.float32(self.inhibition) * (np.eye(n, dtype=np.float32) - 1)


class Steps(NamedTuple):
    """Constants of S-PSP: tau_mem, tau_syn, the lag of an input, its longest life, in steps."""

    tau_mem: float
    tau_syn: float
    lag: int
    window: int


def network_of(shape: tuple[int, ...], layers: tuple[GridLayer, ...]) -> Network:
    """Return the layers as populations and connections; every delay is one step."""
    populations, connections = [Population("input", shape)], []
    for layer in layers:
        delay = int(layer.neuron.step_us)
        connections.append(Connection(populations[-1].name, layer.name, layer.topology, delay))
        populations.append(Population(layer.name, layer.shape, layer.neuron))
        if layer.recurrent or layer.inhibition:
            n = layer.topology.n_out
            connections.append(Connection(layer.name, layer.name, Dense(n, n), delay))
    return Network(tuple(populations), tuple(connections))
