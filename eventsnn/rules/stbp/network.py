"""The network of a layer string: a chain of neurons on a grid, averages without neurons between."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

from eventsnn.errors import UserError
from eventsnn.network import Connection, Network, Population
from eventsnn.network.layer_string import Layers, chain, input_grid, n_inputs, n_outputs, text_of
from eventsnn.neurons.grid_lif import GridLIF
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.mean_conv2d import MeanConv2d
from eventsnn.topology.topology import Sizes, Topology

_MEAN = re.compile(r"(\d{1,4})avg")


def network_of(layers: Layers, neuron: GridLIF) -> Network:
    """Return the network of a layer string.

    Parameters
    ----------
    layers : Layers
        Numbers of neurons, convolutions (``15c5``), plain averages (``2avg``) that a layer
        follows; no populations that pool.
    neuron : GridLIF
        Of every layer.

    Raises
    ------
    UserError
        For a layer that there is not.
    """
    n_outputs(layers)
    grid = input_grid(layers)
    place: Sizes | None = None if grid is None else grid[:3]
    shape = (n_inputs(layers),) if grid is None else (grid.channels, grid.height, grid.width)
    populations, connections = [Population("input", shape)], list[Connection]()
    numbers, window = {"hidden": 0, "conv": 0}, 0
    for k, part in enumerate(layers[1:], 1):
        if mean := _MEAN.fullmatch(str(part)):
            if place is None or window:
                raise _wrong(layers, part, "needs rows and columns below it, and one layer between")
            window = int(mean[1])
            continue
        below = populations[-1].size, place, window
        topology = _topology(layers, part, below, len(populations) == 1)
        window, place = 0, _places(topology) if isinstance(part, str) else None
        kind = "hidden" if place is None else "conv"
        numbers[kind] += 1
        name = "output" if k == len(layers) - 1 else f"{kind}{numbers[kind]}"
        connections.append(Connection(populations[-1].name, name, topology))
        populations.append(Population(name, place or (topology.n_out,), neuron))
    return Network(tuple(populations), tuple(connections))


def _topology(
    layers: Layers, part: int | str, below: tuple[int, Sizes | None, int], planar: bool
) -> Topology:
    """Return the topology of a layer: of (neurons below, their places, window of an average)."""
    size, place, window = below
    if isinstance(part, int) and not window:
        return chain((size, part), GridLIF(1), GridLIF(1)).connections[0].topology
    if place is None:
        raise _wrong(layers, part, "needs rows and columns below it, such as 28x28x1")
    try:
        if not window:
            return replace(_convolution(layers, part, place), planar=planar)
        mean = MeanConv2d(place, (window, window), 1)
        if isinstance(part, int):
            return replace(mean, channels=part, kernel_size=mean.mean_size[:2], planar=planar)
        conv = _convolution(layers, part, mean.mean_size)
        how = conv.channels, conv.kernel_size, conv.stride, conv.padding
        return MeanConv2d(place, (window, window), *how, planar)
    except UserError as error:
        raise UserError(f"layers {text_of(layers)!r}, {part}: {error}") from error


def _convolution(layers: Layers, part: int | str, place: Sizes) -> Conv2d:
    """Return the convolution that a part of a layer string is."""
    found: Any = chain(("x".join(map(str, place)), part), GridLIF(1), GridLIF(1))
    topology = found.connections[0].topology
    if topology.default_weights() is not None:
        raise _wrong(layers, part, "pools into neurons; give an average without them: 2avg")
    return cast(Conv2d, topology)


def _places(topology: Any) -> Sizes:
    return cast(Sizes, topology.out_shape)


def _wrong(layers: Layers, part: int | str, why: str) -> UserError:
    return UserError(f"layers {text_of(layers)!r}: {part} {why}")
