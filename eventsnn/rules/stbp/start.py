"""Initial weights and biases."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.network import Network
from eventsnn.topology.topology import Topology

Floats = list[NDArray[Any]]


def drawn(network: Network, how: str, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return weights and biases, float64.

    "rows": uniform in [-1, 1], then divided by the Euclidean norm of what one neuron receives
    (Wu et al. 2018, equations 29 and 30); biases 0. "uniform": both uniform within
    1 / sqrt(fan-in), as the authors' programs have them.
    """
    weights, biases = [], []
    for connection in network.connections:
        topology = connection.topology
        within = 1.0 if how == "rows" else 1 / math.sqrt(fan_in(topology))
        w = rng.uniform(-within, within, topology.weight_shape)
        b = np.zeros(topology.clock_size)
        if how == "rows":
            w /= np.sqrt(np.square(w).reshape(-1, topology.clock_size).sum(0))
        else:
            b = rng.uniform(-within, within, topology.clock_size)
        weights.append(w)
        biases.append(b)
    return weights, biases


def fan_in(topology: Topology) -> int:
    """Return how many weights a neuron away from the border has."""
    return math.prod(topology.weight_shape) // topology.clock_size
