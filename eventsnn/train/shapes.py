"""The shapes of the weights that options describe, found without making one."""

from __future__ import annotations

import math
from itertools import pairwise

from eventsnn.errors import UserError
from eventsnn.memory import check_room
from eventsnn.network.layer_string import dense_sizes, text_of
from eventsnn.train.options import TrainOptions

Shape = tuple[int, ...]

MOST_UNITS = 1 << 31
"""Of a population."""

_BYTES = 16  # a weight: itself, what an optimizer remembers (or a second copy), its gradient


def weight_shapes(options: TrainOptions) -> dict[str, Shape]:
    """Return the shape of each weight array by its name in a checkpoint."""
    if options.rule == "herding":
        sizes = pairwise(dense_sizes(options.layers, options.rule))
        return {f"weight{n}": shape for n, shape in enumerate(sizes)}
    network = options.own.network(options.layers)
    for population in network.populations:
        if population.size >= MOST_UNITS:
            raise UserError(
                f"layers {text_of(options.layers)}: {population.name} has {population.size} "
                f"neurons; at most {MOST_UNITS - 1} can be counted"
            )
    return {f"weights.{k}": c.topology.weight_shape for k, c in enumerate(network.connections)}


def check_network_room(options: TrainOptions) -> None:
    """Refuse a network that would not fit into memory."""
    weights = sum(math.prod(shape) for shape in weight_shapes(options).values())
    check_room(_BYTES * weights, f"a network of the layers {text_of(options.layers)}")
