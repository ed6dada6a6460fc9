"""A network as a graph of normalised layers: what leads into each, and past which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network import Connection, Network, Population
from eventsnn.network.layer_string import Layers, chain, n_outputs, text_of
from eventsnn.neurons.grid_lif import GridLIF
from eventsnn.neurons.readout import Readout
from eventsnn.rules.grid.fan import RunTable, runs_of


class NormedSynapses(NamedTuple):
    """Synapses that learn.

    Attributes
    ----------
    name : str
        Of their connection.
    source : int
        Population that sends.
    runs : RunTable
    share : float
        What a spike adds of a weight.
    shape : tuple of int
        Of the weights.
    direct : bool
        Sender j has one run, of place j // rows and of row j % rows of the weights: dense layers,
        and kernels of one position.
    group : int32 array (n_groups + 1,)
        Senders that reach the same places, through rows of weights that follow each other.
    """

    name: str
    source: int
    runs: RunTable
    share: float
    shape: tuple[int, ...]
    direct: bool
    group: NDArray[np.int32]

    @property
    def channels(self) -> int:
        """Targets that are normalised by themselves: those of a run."""
        return self.runs.length

    def room(self, most: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """Return what ``kernels.add_signals`` lists in, of signals up to ``most``."""
        n_in, places = int(self.runs.sizes[0]), int(self.runs.sizes[1]) // self.channels
        reached = np.bincount(self.runs.target // self.channels, minlength=places)
        widest = 0 if self.runs.whole else int(reached.max(initial=0))
        listed = np.empty(n_in * most, np.int32)
        return listed, np.empty((places, most * widest + 1), np.int32), np.zeros(places, np.int32)

    @property
    def fan_in(self) -> int:
        """Weights of a neuron away from the border."""
        return int(self.runs.sizes[3]) // self.channels


class GraphLayer(NamedTuple):
    """A population.

    Attributes
    ----------
    size : int
    threshold : float
        Infinite for the readout.
    synapses : tuple of int
        Which of the graph's synapses lead to it.
    before, after : tuple of int
        Populations whose signals are added to its current, or to its spikes.
    """

    size: int
    threshold: float
    synapses: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]


class NormedGraph(NamedTuple):
    """All of it.

    Attributes
    ----------
    n_in : int
    layers : list of GraphLayer
        Populations but the input; the last one is the readout.
    synapses : list of NormedSynapses
        By the populations that they lead to; the last ones are the readout's.
    """

    n_in: int
    layers: list[GraphLayer]
    synapses: list[NormedSynapses]

    @property
    def normed(self) -> int:
        """How many synapses are normalised: all but the readout's."""
        return len(self.synapses) - 1

    def most(self, source: int) -> int:
        """Return the largest signal of a population: what others add to its spikes counts, too."""
        return 1 + sum(self.most(k) for k in self.layers[source - 1].after) if source else 1


def network_of(layers: Layers, neuron: GridLIF) -> Network:
    """Return the network of a layer string: ``neuron`` throughout, and a plain sum at the end."""
    n_outputs(layers)
    network = chain(layers, neuron, Readout())
    if neuron.taken:  # a soft reset takes the threshold, that of @ as well
        populations = tuple(_soft(p) for p in network.populations)
        network = Network(populations, network.connections)
    for connection in network.connections:
        try:
            _check(network, connection)
        except UserError as error:
            raise UserError(f"layers {text_of(layers)!r}: {error}") from error
    return network


def _soft(population: Population) -> Population:
    given: Any = population.neuron
    if given is None or not given.spiking:
        return population
    return replace(population, neuron=replace(given, taken=given.threshold / given.decay))


def graph_of(network: Network, after: bool) -> NormedGraph:
    """Return the graph of a network; ``after`` adds skip connections to spikes.

    Raises
    ------
    UserError
        For connections that cannot be normalised.
    """
    synapses, layers = list[NormedSynapses](), list[GraphLayer]()
    for p in range(1, len(network.populations)):
        leads, past = list[int](), list[int]()
        for k, connection in enumerate(network.connections):
            if network.targets[k] != p:
                continue
            _check(network, connection)
            if connection.learns:
                topology = connection.topology
                runs = runs_of(connection)
                leads.append(len(synapses))
                synapses.append(
                    NormedSynapses(
                        connection.name,
                        network.sources[k],
                        runs,
                        topology.share,
                        topology.weight_shape,
                        _direct(runs),
                        _groups(runs),
                    )
                )
            else:
                past.append(network.sources[k])
        given: Any = network.populations[p].neuron
        threshold = float(getattr(given, "threshold", np.inf))
        before, behind = ((), tuple(past)) if after else (tuple(past), ())
        size = network.populations[p].size
        layers.append(GraphLayer(size, threshold, tuple(leads), before, behind))
    if len(layers[-1].synapses) != 1 or layers[-1].before or layers[-1].after:
        raise UserError("nothing may skip to the output; close brackets behind a hidden layer")
    return NormedGraph(network.populations[0].size, layers, synapses)


def _direct(runs: RunTable) -> bool:
    n_in, rows = int(runs.sizes[0]), int(runs.sizes[3]) // runs.length
    j = np.arange(n_in)
    return (
        np.array_equal(runs.start, np.arange(n_in + 1))
        and np.array_equal(runs.target // runs.length, j // rows)
        and np.array_equal(runs.weight // runs.length, j % rows)
    )


def _groups(runs: RunTable) -> NDArray[np.int32]:
    n_in, count = int(runs.sizes[0]), np.diff(runs.start)
    widest = int(count.max(initial=0))
    there = np.arange(widest) < count[:, None]
    target = np.full((n_in, widest), -1, np.int64)
    row = np.full((n_in, widest), -1, np.int64)
    target[there], row[there] = runs.target, runs.weight // runs.length
    same = (target[1:] == target[:-1]) & ((row[1:] == row[:-1] + 1) | (target[1:] < 0))
    first = np.flatnonzero(np.append(True, ~same.all(1)))
    return np.append(first, n_in).astype(np.int32)


def _check(network: Network, connection: Connection) -> None:
    source, target = network.index(connection.source), network.index(connection.target)
    if source >= target or connection.greatest_delay or connection.fixed:
        raise UserError(
            f"rule ledinauskas2020 has no {connection.name}, which is recurrent, delayed or fixed; "
            "give plain layers, convolutions, 2avg and brackets"
        )
    if connection.learns:
        return
    if not connection.name.startswith(f"{connection.source}=>"):
        raise UserError(f"rule ledinauskas2020 has no {connection.name}; pool by averages (2avg)")
    if source == 0:
        raise UserError("nothing may skip from the input as it is; open brackets behind a layer")
