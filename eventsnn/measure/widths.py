"""How wide numbers are that a machine reads: weights of few bits, and decay tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.network import Network
from eventsnn.network.whole.scales import bits_of

ENTRY = 4
"""Bytes of an entry of a decay table."""


def weight_bits(network: Network, connection: int, weights: NDArray[Any]) -> int:
    """Return the bits of a weight: those that whole numbers need, else those of its dtype."""
    neuron = network.populations[network.targets[connection]].neuron
    if neuron is not None and neuron.whole:
        return bits_of(weights)
    return 8 * weights.itemsize


def table_rows(network: Network) -> NDArray[np.int64]:
    """Return the rows of each population's decay table, of neurons of whole numbers; else 0."""
    found = []
    for population in network.populations:
        neuron: Any = population.neuron
        found.append(len(neuron.decays.rows) if neuron is not None and neuron.whole else 0)
    return np.array(found, np.int64)


def clock_sizes(network: Network) -> NDArray[np.int64]:
    """Return how many neighbours of each population share a clock: its only connection's."""
    sizes = np.ones(len(network.populations), np.int64)
    for p in range(len(sizes)):
        into = [c for c, target in enumerate(network.targets) if target == p]
        if len(into) == 1 and network.connections[into[0]].one_delay:
            sizes[p] = network.connections[into[0]].topology.clock_size
    return sizes
