"""Initial weights, drawn so that every population fires."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.network import Network
from eventsnn.neurons.neuron import Neuron
from eventsnn.rules.gradient.options import GradientOptions
from eventsnn.rules.learned import Rates
from eventsnn.topology.topology import Topology

_FEW, _TRIES = 16, 16


def start_weights(
    network: Network, events: EventBatch, options: GradientOptions, rng: np.random.Generator
) -> tuple[list[NDArray[Any]], list[Rates]]:
    """Draw normal weights, float32, for a chain of populations.

    Each spiking population's are scaled, in order from the input, until its neurons fire
    ``init_spikes`` times a recording on average; those into a readout have the SD
    ``init_output``. Where a topology has default weights (pooling) they stay.

    Returns
    -------
    weights : list of float32 arrays, in the order of the connections
    rates : list of Rates
        Of the spiking populations whose weights were scaled, and of those that pool.

    Raises
    ------
    UserError
        If no scale makes a population fire.
    """
    few = events.part(0, min(_FEW, len(events)))
    weights: list[NDArray[Any]] = []
    plain: list[NDArray[Any]] = []
    for k, connection in enumerate(network.connections):
        population, topology = network.populations[k + 1], connection.topology
        given = topology.default_weights()
        if given is not None:
            weights.append(given.astype(np.float32))
            plain.append(weights[-1])
            continue
        drawn = rng.standard_normal(topology.weight_shape, np.float32)
        plain.append(drawn * np.float32(_usual(topology, population.neuron)))
        if not population.spiking:
            weights.append(drawn * np.float32(options.init_output))
            continue
        part = Network(network.populations[: k + 2], network.connections[: k + 1])
        goal = options.init_spikes * population.size
        weights.append(drawn * np.float32(_scale(part, weights, drawn, few, goal)))
    before, after = (_fired(network, some, few) for some in (plain, weights))
    rates = [
        Rates(p.name, float(before[k] / p.size), float(after[k] / p.size))
        for k, p in enumerate(network.populations)
        if p.spiking and k != network.input
    ]
    return weights, rates


def _usual(topology: Topology, neuron: Neuron | None) -> float:
    """Return the SD of weights by fan-in, in units of the threshold (He et al. 2015)."""
    shape = topology.weight_shape
    return getattr(neuron, "threshold", 1.0) * math.sqrt(2 / math.prod(shape[:-1]))


def _fired(network: Network, weights: list[NDArray[Any]], few: EventBatch) -> NDArray[np.float64]:
    """Return the mean spikes of each population a recording."""
    spikes = simulate(network, weights, few, record="nothing").counts.spikes
    return np.asarray(spikes.mean(0), np.float64)


def _scale(
    part: Network,
    below: list[NDArray[Any]],
    drawn: NDArray[Any],
    few: EventBatch,
    goal: float,
) -> float:
    """Bisect the logarithm of the scale."""
    low, high = 1e-5, 10.0
    fired = 0.0
    for _ in range(_TRIES):
        scale = math.sqrt(low * high)
        fired = float(_fired(part, [*below, drawn * np.float32(scale)], few)[-1])
        low, high = (scale, high) if fired < goal else (low, scale)
    if fired == 0:
        raise UserError(
            f"{part.populations[-1].name} stays silent whatever its weights; are there events in "
            "the recordings, and is the threshold right?"
        )
    return math.sqrt(low * high)
