"""A fixed reservoir: neurons on a grid of three sides that reach their neighbours at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.hm2bp.layers import GridLayer
from eventsnn.rules.hm2bp.options import HM2BPOptions

_SIDE = 3
"""Two sides of the grid, where the neurons fill it: 135 are 3 x 3 x 15."""

_INHIBITORY = 0.2
_REACH = np.array([[0.3, 0.2], [0.4, 0.1]])
"""C by whether the sender, and the target, is inhibitory."""


def reservoir_weights(
    layer: GridLayer, options: HM2BPOptions, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the weights into a reservoir (n_in, n), and of it onto itself (n, n).

    Each input drives ``reservoir_draws`` randomly drawn neurons; what is drawn twice adds up. A
    synapse between neurons at a distance d has the probability 1.5 C exp(-d^2 / 4), and the
    weight 1, or -1 from an inhibitory neuron.
    """
    n_in, n = layer.topology.n_in, layer.topology.n_out
    into = np.zeros((n_in, n))
    for sender in into:
        signs = rng.choice([-1.0, 1.0], options.reservoir_draws) * options.reservoir_weight
        np.add.at(sender, rng.integers(0, n, options.reservoir_draws), signs)
    side = _SIDE if n % _SIDE**2 == 0 else 1
    places = np.stack(np.unravel_index(np.arange(n), (side, side, n // side**2)), 1)
    inhibitory = (rng.random(n) < _INHIBITORY).astype(np.int64)
    own = np.zeros((n, n))
    for i in range(n):
        squared = ((places - places[i]) ** 2).sum(1)
        chance = 1.5 * _REACH[inhibitory[i], inhibitory] * np.exp(-squared / 4)
        own[i] = (rng.random(n) < chance) * (1 - 2 * inhibitory[i])
    return into, own
