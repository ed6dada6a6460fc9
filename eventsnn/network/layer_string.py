"""Layer strings, such as ``2312-800-10`` or ``34x34x2-12c5-2p-64c5-2p-10``.

The first part is the input: a number of units, or height x width x channels of a sensor.
Each further part is a layer; ``layer_part.py`` has the grammar.

A pooling neuron adds up without a leak and fires once a unit of sum (or of average), so
that it passes spikes on. Nothing there is learned.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NamedTuple

from eventsnn.errors import UserError
from eventsnn.network import Connection, Network, Population
from eventsnn.network.layer_part import Part, part_of
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.neuron import Neuron
from eventsnn.text import named
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.mean_conv2d import MeanConv2d
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.topology import Topology

Layers = tuple[int | str, ...]
"""Units, or the text of a part that is more than a number."""

_UNITS = re.compile(r"\d{1,10}", re.ASCII)
_INPUT = re.compile(r"(\d{1,10})x(\d{1,10})x(\d{1,10})", re.ASCII)
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
    depth = 0
    for k, part in enumerate(text.split("-")):
        found = part_of(part) if k else None
        if _UNITS.fullmatch(part):
            parts.append(int(part))
        elif found or (k == 0 and _INPUT.fullmatch(part)):
            parts.append(part)
        else:
            raise UserError(
                f"layers {text[:80]!r}: {part[:40]!r} is no layer; write them as {_EXAMPLES}"
            )
        depth += found.opens - found.closes if found else 0
        if depth < 0:
            raise UserError(
                f"layers {text[:80]!r}: {part[:40]!r} closes no bracket; open it before"
            )
    if depth:
        raise UserError(f"layers {text[:80]!r}: a bracket stays open; close it behind a layer")
    if len(parts) < 2 or any(part == 0 for part in parts):
        raise UserError(
            f"layers {text[:80]!r}: give at least two layers, of at least one unit each"
        )
    return tuple(parts)


def text_of(layers: Layers) -> str:
    """Return the layer string."""
    return "-".join(str(part) for part in layers)


def parts_of(layers: Layers) -> list[Part]:
    """Return every layer behind the input."""
    found = [part_of(str(part)) for part in layers[1:]]
    return [part for part in found if part is not None]


def n_inputs(layers: Layers) -> int:
    """Return the units of the input."""
    grid = input_grid(layers)
    return int(layers[0]) if grid is None else grid.height * grid.width * grid.channels


def n_outputs(layers: Layers) -> int:
    """Return the units of the output."""
    last = parts_of(layers)[-1]
    if last.kind != "dense":
        raise UserError(f"layers {text_of(layers)}: end with the number of classes")
    return last.size


def with_ends(layers: Layers, first: int | str, classes: int) -> Layers:
    """Return the layers with another input and another number of classes."""
    last = re.sub(r"\d+", str(classes), str(layers[-1]), count=1)
    return (first, *layers[1:-1], int(last) if _UNITS.fullmatch(last) else last)


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


def layers(text: str, hidden: Neuron, output: Neuron) -> Network:
    """Return the network of a layer string, such as ``"34x34x2-12c5-2p-10"``.

    Parameters
    ----------
    text : str
        docs/reference/layers.md has the grammar.
    hidden : Neuron
        Of every population that learns, but the last.
    output : Neuron
        Of the last one.

    Raises
    ------
    UserError
        For a part that is none, or that does not fit the others.

    Examples
    --------
    >>> from eventsnn import LIF, Readout, layers
    >>> layers("34x34x2-12c5-2p-10", hidden=LIF(tau_us=30_000), output=Readout(tau_us=30_000))
    <Network input 2,312, conv1 10,800, pool1 2,700, output 10; 3 connections>
    """
    if not isinstance(text, str):
        raise UserError(f"layers is {named(text)}; give text, such as {_EXAMPLES}")
    return chain(parse_layers(text), hidden, output)


def chain(layers: Layers, hidden: Neuron, output: Neuron) -> Network:
    """Return the network of a layer string.

    Connections stand by the population that they lead to: from the one before, from itself,
    then those that skip layers.

    Parameters
    ----------
    layers : Layers
    hidden : Neuron
        Of every population that learns, but the last.
    output : Neuron
        Of the last one.

    Raises
    ------
    UserError
        For parts that do not fit each other, naming the part.
    """
    chained = _Chain(layers, hidden)
    for k, (part, text) in enumerate(zip(parts_of(layers), layers[1:], strict=True), 2):
        try:
            chained.add(part, output if k == len(layers) else None)
        except UserError as error:
            raise UserError(f"layers {text_of(layers)!r}, {text}: {error}") from error
    return Network(tuple(chained.populations), tuple(chained.connections))


class _Chain:
    """Populations and connections, layer after layer."""

    def __init__(self, layers: Layers, hidden: Neuron) -> None:
        place = input_grid(layers)
        sides = None if place is None else (place.channels, place.height, place.width)
        self.hidden = hidden
        self.populations = [Population("input", sides or (n_inputs(layers),))]
        self.places: list[Grid | None] = [place]
        self.connections: list[Connection] = []
        self.numbers = {"dense": 0, "conv": 0, "pool": 0}
        self.open: list[int] = []
        self.window = 0  # of a plain average that the next layer takes

    def add(self, part: Part, output: Neuron | None) -> None:
        """Append a layer, and the skip connections that end in it."""
        self.open += [len(self.populations) - 1] * part.opens
        if part.kind == "average":
            self._average(part)
            return
        below, fixed = self.populations[-1].name, part.fixed
        topology, neuron, place = self._layer(part)
        self.numbers[part.kind] += 1
        kind = "hidden" if part.kind == "dense" else part.kind
        name = "output" if output else f"{kind}{self.numbers[part.kind]}"
        shape = (topology.n_out,) if place is None else place[:3]
        neuron = _fires_at(output or neuron, part)
        self.populations.append(Population(name, shape, neuron))
        self.places.append(place)
        self.connections.append(Connection(below, name, topology, fixed=fixed))
        if part.delay_us is not None:
            itself = Dense(topology.n_out, topology.n_out)
            self.connections.append(Connection(name, name, itself, part.delay_us, fixed=fixed))
        for _ in range(part.closes):
            self._skip(self.open.pop())

    def _average(self, part: Part) -> None:
        """Keep the window for the next layer."""
        if self.window or part.closes:
            raise UserError("a plain average is part of the next layer; write a convolution behind")
        self.window = part.size

    def _layer(self, part: Part) -> tuple[Topology, Neuron, Grid | None]:
        """Return topology, neuron and places of one layer."""
        below, place = self.populations[-1], self.places[-1]
        if part.kind == "dense" and not self.window:
            return Dense(below.size, part.size), self.hidden, None
        if place is None:
            raise UserError(
                f"needs rows and columns below it, {below.name} has none; begin with height x "
                "width x channels, such as 34x34x2"
            )
        if self.window:
            return self._averaged(part, place)
        size, side = place[:3], (part.size, part.size)
        stride = None if part.stride is None else (part.stride, part.stride)
        if part.kind == "conv":
            square = (part.kernel,) * 2, stride or (1, 1), (part.padding,) * 2
            conv = Conv2d(size, part.size, *square, place.planar)
            return conv, self.hidden, Grid(*conv.out_shape, False)
        pool = Pool2d(size, side, stride, place.planar)
        neuron = IF(float(part.size**2) if part.mean else 1.0)
        return pool, neuron, Grid(*pool.out_shape, False)

    def _averaged(self, part: Part, place: Grid) -> tuple[Topology, Neuron, Grid | None]:
        """Return a layer that takes the plain average of the one below."""
        window, self.window = (self.window, self.window), 0
        if part.kind == "pool":
            raise UserError("it pools what is averaged already; write a convolution or a size")
        args = place[:3], window, part.size
        if part.kind == "conv":
            stride = 1 if part.stride is None else part.stride
            square = (part.kernel,) * 2, (stride,) * 2, (part.padding,) * 2
            conv = MeanConv2d(*args, *square, place.planar)
            return conv, self.hidden, Grid(*conv.out_shape, False)
        means = MeanConv2d(*args, planar=place.planar).mean_size
        return MeanConv2d(*args, means[:2], planar=place.planar), self.hidden, None

    def _skip(self, first: int) -> None:
        """Connect a population with the last one: one to one where both have the same shape.

        Else through weights that learn: 1 x 1 kernels, or all to all.
        """
        source, target = self.populations[first], self.populations[-1]
        topology = _past(self.places[first], self.places[-1], (source, target))
        name = f"{source.name}=>{target.name}"
        self.connections.append(Connection(source.name, target.name, topology, name=name))


def _past(
    before: Grid | None, behind: Grid | None, ends: tuple[Population, Population]
) -> Topology:
    """Return the topology of a skip connection."""
    source, target = ends
    if before is None or behind is None:
        if before is not behind or source.size != target.size:
            return Dense(source.size, target.size)
        return Pool2d((1, 1, source.size), (1, 1))
    if before[:3] == behind[:3]:
        return Pool2d(before[:3], (1, 1), None, before.planar)
    for step in range(1, max(before.height, before.width) + 1):
        conv = Conv2d(before[:3], behind.channels, (1, 1), (step, step), (0, 0), before.planar)
        if conv.out_shape == behind[:3]:
            return conv
    raise UserError(
        f"no 1 x 1 kernels of any stride lead from {before.height} x {before.width} positions of "
        f"{source.name} to {behind.height} x {behind.width}; pad the layers in the brackets"
    )


def _fires_at(neuron: Neuron, part: Part) -> Neuron:
    """Return the neuron with the threshold that is written behind its layer."""
    if part.threshold is None:
        return neuron
    given: Any = neuron
    if not hasattr(given, "threshold"):
        raise UserError(f"{neuron.kind} neurons have no threshold; leave @ out")
    share = given.threshold if part.mean else 1.0
    changed: Neuron = replace(given, threshold=share * part.threshold)
    return changed
