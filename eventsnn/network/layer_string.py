"""Layer strings, such as ``2312-800-10`` or ``34x34x2-12c5-2p-64c5-2p-10``.

The first part is the input: a number of units, or height x width x channels of a sensor.
Each further part is a layer:

- ``800``: that many neurons, reached all to all;
- ``12c5``: convolution, 12 channels, kernel 5 x 5; ``12c5s2p1`` with stride 2, padding 1;
- ``2p``: sum pooling of windows of 2 x 2; ``3ps2`` with stride 2; ``2a`` averages.

A pooling neuron adds up without a leak and fires once a unit of sum (or of average), so
that it passes spikes on. Nothing there is learned.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from eventsnn.errors import UserError
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.neuron import Neuron
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.topology import Topology

Layers = tuple[int | str, ...]
"""Units, or the text of a part that is more than a number."""

_N = r"(\d{1,10})"  # more units than ten digits tell fit no machine
_UNITS = re.compile(_N)
_INPUT = re.compile(rf"{_N}x{_N}x{_N}")
_CONV = re.compile(rf"{_N}c{_N}(?:s{_N})?(?:p{_N})?")
_POOL = re.compile(rf"{_N}([pa])(?:s{_N})?")
_EXAMPLES = "2312-200-10 or 34x34x2-12c5-2p-64c5-2p-10"


class Grid(NamedTuple):
    """Units with places: height, width, channels; a sensor's are ``planar``."""

    height: int
    width: int
    channels: int
    planar: bool


def parse_layers(text: str) -> Layers:
    """Read a layer string; UserError names the part that is none."""
    parts: list[int | str] = []
    for k, part in enumerate(text.split("-")):
        known = (_INPUT,) if k == 0 else (_CONV, _POOL)
        if part.isascii() and _UNITS.fullmatch(part):
            parts.append(int(part))
        elif any(pattern.fullmatch(part) for pattern in known):
            parts.append(part)
        else:
            raise UserError(
                f"layers {text[:80]!r}: {part[:40]!r} is no layer; write them as {_EXAMPLES}"
            )
    if len(parts) < 2 or any(part == 0 for part in parts):
        raise UserError(
            f"layers {text[:80]!r}: give at least two layers, of at least one unit each"
        )
    return tuple(parts)


def text_of(layers: Layers) -> str:
    """Return the layer string."""
    return "-".join(str(part) for part in layers)


def n_inputs(layers: Layers) -> int:
    """Return the units of the input."""
    grid = input_grid(layers)
    return int(layers[0]) if grid is None else grid.height * grid.width * grid.channels


def n_outputs(layers: Layers) -> int:
    """Return the units of the output."""
    if isinstance(layers[-1], str):
        raise UserError(f"layers {text_of(layers)}: end with the number of classes")
    return layers[-1]


def input_grid(layers: Layers) -> Grid | None:
    """Return the places of the input, None for plain units."""
    match = _INPUT.fullmatch(str(layers[0]))
    if match is None:
        return None
    height, width, channels = (int(n) for n in match.groups())
    return Grid(height, width, channels, True)


def dense_sizes(layers: Layers, rule: str) -> tuple[int, ...]:
    """Return the sizes of layers that must all be plain; UserError where one is not."""
    for part in layers:
        if isinstance(part, str):
            raise UserError(f"rule {rule} has no layer {part}; give sizes, or --rule adjoint")
    return tuple(int(part) for part in layers)


def chain(layers: Layers, hidden: Neuron, output: Neuron) -> Network:
    """Return the network of a layer string.

    Parameters
    ----------
    layers : Layers
    hidden : Neuron
        Of every population that learns, but the last.
    output : Neuron
        Of the last one.
    """
    place = input_grid(layers)
    shape = (n_inputs(layers),) if place is None else (place.channels, place.height, place.width)
    populations, connections = [Population("input", shape)], []
    numbers = {"hidden": 0, "conv": 0, "pool": 0}
    for k, part in enumerate(layers[1:], 1):
        kind, topology, neuron, place = _layer(layers, part, populations[-1], place, hidden)
        numbers[kind] += 1
        last = k == len(layers) - 1
        name = "output" if last else f"{kind}{numbers[kind]}"
        shape = (topology.n_out,) if place is None else place[:3]
        connections.append(Connection(populations[-1].name, name, topology))
        populations.append(Population(name, shape, output if last else neuron))
    return Network(tuple(populations), tuple(connections))


def _layer(
    layers: Layers, part: int | str, below: Population, place: Grid | None, hidden: Neuron
) -> tuple[str, Topology, Neuron, Grid | None]:
    """Return kind, topology, neuron and places of one layer."""
    if isinstance(part, int):
        return "hidden", Dense(below.size, part), hidden, None
    if place is None:
        raise UserError(
            f"layers {text_of(layers)!r}: {part} needs rows and columns below it, {below.name} has "
            "none; begin with height x width x channels, such as 34x34x2"
        )
    size, planar = place[:3], place.planar
    try:
        if match := _CONV.fullmatch(part):
            channels, kernel = int(match[1]), int(match[2])
            stride, padding = int(match[3] or 1), int(match[4] or 0)
            square = (kernel, kernel), (stride, stride), (padding, padding)
            conv = Conv2d(size, channels, *square, planar)
            return "conv", conv, hidden, Grid(*conv.out_shape, False)
        window, kind, step = _POOL.fullmatch(part).groups()  # type: ignore[union-attr]
        side = int(window)
        pool = Pool2d(size, (side, side), (int(step),) * 2 if step else None, planar)
        neuron = IF(float(side * side) if kind == "a" else 1.0)
        return "pool", pool, neuron, Grid(*pool.out_shape, False)
    except UserError as error:
        raise UserError(f"layers {text_of(layers)!r}, {part}: {error}") from error
