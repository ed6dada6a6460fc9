"""The layers of a network from a layer string, and their initial weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network.layer_part import Part
from eventsnn.network.layer_string import Layers, chain, parts_of, text_of
from eventsnn.rules.hm2bp.layers import GridLayer
from eventsnn.rules.hm2bp.options import GridOptions, HM2BPOptions
from eventsnn.rules.hm2bp.reservoir import reservoir_weights
from eventsnn.rules.hm2bp.sample import NONE

Shape = tuple[int, ...]


def layers_of(layers: Layers, options: HM2BPOptions) -> tuple[Shape, tuple[GridLayer, ...]]:
    """Return the shape of the input, and every layer.

    Raises
    ------
    UserError
        Where the rule has no such part, or parts do not fit each other.
    """
    grid, found = options.grid, []
    for part, text in zip(parts_of(layers), layers[1:], strict=True):
        _check(part, f"layers {text_of(layers)!r}, {text}: rule hm2bp")
    plain = grid.neuron(1.0)
    network = chain(layers, plain, plain)
    shapes = [population.shape for population in network.populations]
    inward = [c for c in network.connections if c.source != c.target]
    for k, (part, connection) in enumerate(zip(parts_of(layers), inward, strict=True)):
        last = k == len(inward) - 1
        neuron = grid.neuron(_threshold(part, grid, last), part.kind != "conv")
        pools = part.kind == "pool"
        found.append(
            GridLayer(
                connection.target,
                connection.topology,
                neuron,
                shapes[k + 1],
                learns=not (pools or part.fixed),
                divisor=float(part.size**2) if pools else neuron.threshold,
                ratio=options.effect_ratio or part.kind != "dense",
                recurrent=part.delay_us is not None,
                inhibition=grid.inhibition if last else 0.0,
            )
        )
    return shapes[0], tuple(found)


def _threshold(part: Part, grid: GridOptions, last: bool) -> float:
    if part.threshold is not None:
        return part.threshold
    usual = {"conv": grid.conv_threshold, "pool": grid.pool_threshold}
    return usual.get(part.kind, grid.output_threshold if last else grid.threshold)


def _check(part: Part, where: str) -> None:
    """Refuse a part that the rule does not have."""
    if part.kind == "average" or part.mean:
        raise UserError(f"{where} has no average; give a pooling such as 2p")
    if part.opens or part.closes:
        raise UserError(f"{where} has no skip connections; leave the brackets out")
    if part.delay_us is not None and not part.fixed:
        raise UserError(f"{where} learns no recurrent weights; write {part.size}rf, a reservoir")


def initial_weights(
    layers: Sequence[GridLayer], options: HM2BPOptions, rng: np.random.Generator
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Draw the weights into every layer, and those of each onto itself."""
    weights, inward = [], []
    for layer in layers:
        own: Any = layer.inward()
        if layer.recurrent:
            drawn, own = reservoir_weights(layer, options, rng)
        elif layer.weight_shape == (1, 1) and not layer.learns:
            drawn = np.ones((1, 1))
        else:
            flat = len(layer.topology.weight_shape) == 2
            most = options.init_range if flat else options.init_conv_range
            drawn = rng.uniform(-most, most, layer.weight_shape)
        weights.append(np.ascontiguousarray(drawn, np.float32))
        inward.append(NONE if own is None else np.ascontiguousarray(own, np.float32))
    return weights, inward
