"""What changes while STBP learns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.network import Network
from eventsnn.optimizers.optimizer import State as OptimizerState
from eventsnn.rules.learned import Arrays
from eventsnn.rules.stbp.plan import GridLane, GridPlan


@dataclass(frozen=True, eq=False)
class STBPState:
    """A network on a grid of steps that learns.

    Attributes
    ----------
    network : Network
    plan : GridPlan
    params : list of float arrays
        Weights, in the order of the connections, as papers write them, then biases, one a
        neighbour of a run (a neuron of a dense layer, a channel of a convolution); no biases where
        there are none.
    optimizer : State
    counts : int64 arrays (n_populations,), (3, n_layers)
        Spikes and additions while learning; see ``walk.GridCounts``.
    learned : int
        Samples so far.
    rate : float
        Of this epoch.
    lanes : list of GridLane
        Room that threads use again; nothing is kept in it.
    """

    network: Network
    plan: GridPlan
    params: list[NDArray[Any]]
    optimizer: OptimizerState
    counts: tuple[NDArray[np.int64], NDArray[np.int64]]
    learned: int = 0
    rate: float = 0.0
    lanes: list[GridLane] = field(default_factory=list)

    @property
    def weights(self) -> list[NDArray[Any]]:
        """Weights, in the order of the connections."""
        return self.params[: len(self.plan.layers)]

    @property
    def biases(self) -> list[NDArray[Any]]:
        """Biases, or none."""
        return self.params[len(self.plan.layers) :]


def names_of(network: Network, bias: bool) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters, by their names in a checkpoint."""
    shapes: dict[str, tuple[int, ...]] = {}
    for k, connection in enumerate(network.connections):
        shapes[f"weights.{k}"] = connection.topology.weight_shape
    for k, connection in enumerate(network.connections if bias else ()):
        shapes[f"biases.{k}"] = (connection.topology.clock_size,)
    return shapes


def arrays_of(state: STBPState) -> Arrays:
    """Return copies of all that learning changes."""
    names = names_of(state.network, bool(state.biases))
    arrays: Arrays = {name: p.copy() for name, p in zip(names, state.params, strict=True)}
    arrays["optimizer.step"] = np.array([state.optimizer.step])
    for s, slot in enumerate(state.optimizer.slots):
        for name, array in zip(names, slot, strict=True):
            arrays[f"optimizer.{s}.{name}"] = np.array(array)
    spikes, adds = state.counts
    arrays["counts.spikes"], arrays["counts.adds"] = spikes.copy(), adds.copy()
    arrays["learned"] = np.array([state.learned])
    return arrays
