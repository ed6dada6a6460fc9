"""The shapes of the weights that options describe, found without making one."""

from __future__ import annotations

import math

from eventsnn.errors import UserError
from eventsnn.memory import check_room
from eventsnn.rules import find_rule
from eventsnn.train.described import network_by, told
from eventsnn.train.options import TrainOptions

Shape = tuple[int, ...]

MOST_UNITS = 1 << 31
"""Of a population."""

_BYTES = 16  # a weight: itself, what an optimizer remembers (or a second copy), its gradient


def weight_shapes(options: TrainOptions) -> dict[str, Shape]:
    """Return the shape of each weight array by its name in a checkpoint."""
    rule = find_rule(options.rule)(options.own)
    network = network_by(rule, options)
    for name, size in rule.populations(network).items():
        if size >= MOST_UNITS:
            raise UserError(
                f"{told(options)}: {name} has {size} neurons; at most "
                f"{MOST_UNITS - 1} can be counted"
            )
    return rule.shapes(network)


def check_network_room(options: TrainOptions) -> None:
    """Refuse a network that would not fit into memory."""
    weights = sum(math.prod(shape) for shape in weight_shapes(options).values())
    check_room(_BYTES * weights, told(options))
