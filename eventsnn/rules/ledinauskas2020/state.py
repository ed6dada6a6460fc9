"""What changes while a network with normalised currents learns, and its arrays in a checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.optimizers.optimizer import State as OptimizerState
from eventsnn.rules import saved_arrays
from eventsnn.rules.learned import Arrays
from eventsnn.rules.ledinauskas2020.graph import NormedGraph
from eventsnn.rules.ledinauskas2020.norm import Running
from eventsnn.rules.ledinauskas2020.walk import Parameters


@dataclass(frozen=True, eq=False)
class NormedState:
    """A network that learns.

    Attributes
    ----------
    network : Network
    graph : NormedGraph
    params : list of arrays
        Weights of all synapses, then gamma, then beta of those that are normalised.
    running : list of Running
    optimizer : State
    counts : int64 arrays (n_populations,), (3, n_populations - 1)
        Spikes; additions forward, additions backward, multiply-adds of errors that go down.
    learned, updates : int
        Samples so far; updates of the whole run.
    """

    network: Network
    graph: NormedGraph
    params: list[NDArray[Any]]
    running: list[Running]
    optimizer: OptimizerState
    counts: tuple[NDArray[np.int64], NDArray[np.int64]]
    learned: int = 0
    updates: int = 1

    @property
    def parameters(self) -> Parameters:
        """The parameters by what they are."""
        n, m = len(self.graph.synapses), self.graph.normed
        return Parameters(self.params[:n], self.params[n : n + m], self.params[n + m :])


def names_of(graph: NormedGraph) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters, by their names in a checkpoint."""
    shapes: dict[str, tuple[int, ...]] = {}
    for k, one in enumerate(graph.synapses):
        shapes[f"weights.{k}"] = one.shape
    for name in ("gamma", "beta"):
        for k, one in enumerate(graph.synapses[:-1]):
            shapes[f"{name}.{k}"] = (one.channels,)
    return shapes


def start_of(graph: NormedGraph, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return normal weights of variance 2 / fan-in (He et al. 2015), gamma 1 and beta 0."""
    weights = [rng.standard_normal(one.shape) * math.sqrt(2 / one.fan_in) for one in graph.synapses]
    sizes = [one.channels for one in graph.synapses[:-1]]
    return [*weights, *(np.ones(n) for n in sizes), *(np.zeros(n) for n in sizes)]


def arrays_of(state: NormedState) -> Arrays:
    """Return copies of all that learning changes."""
    names = names_of(state.graph)
    arrays: Arrays = {name: p.copy() for name, p in zip(names, state.params, strict=True)}
    for k, running in enumerate(state.running):
        arrays[f"mean.{k}"], arrays[f"variance.{k}"] = running.mean.copy(), running.variance.copy()
    arrays["optimizer.step"] = np.array([state.optimizer.step])
    for s, slot in enumerate(state.optimizer.slots):
        for name, array in zip(names, slot, strict=True):
            arrays[f"optimizer.{s}.{name}"] = np.array(array)
    arrays["counts.spikes"], arrays["counts.adds"] = (a.copy() for a in state.counts)
    arrays["learned"] = np.array([state.learned])
    return arrays


def taken(arrays: Arrays, expected: Arrays) -> Arrays:
    """Return copies of the arrays of a checkpoint, as ``saved_arrays.taken`` does.

    Raises
    ------
    UserError or KeyError
        Where they do not fit, or a variance is below 0.
    """
    found = saved_arrays.taken(arrays, expected)
    for name, new in found.items():
        if name.startswith("variance.") and (new < 0).any():
            raise UserError(f"{name} holds {new.min()}; a variance is not below 0")
    return found
