"""What a run's network is, whether layers describe it or a program's ``Network``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import DataSet, sensor_of
from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.network.arrays import HeldArrays
from eventsnn.network.file import read_network
from eventsnn.network.layer_string import (
    input_grid,
    n_inputs,
    n_outputs,
    text_of,
    with_ends,
)
from eventsnn.network.written import toml_of
from eventsnn.rules.learned import Arrays
from eventsnn.rules.rule import Rule

if TYPE_CHECKING:
    from eventsnn.train.options import TrainOptions

_HELD = "network."
"""How the names of its arrays begin in a checkpoint."""


def network_by(rule: Rule[Any, Any], options: TrainOptions) -> Any:
    """Return the network of a run as its rule has it; UserError where it cannot have it."""
    if options.network is not None:
        return rule.adopt(options.network)
    return rule.network(options.layers)


def told(options: TrainOptions) -> str:
    """Return what the network is called in messages."""
    if options.network is not None:
        return f"the network {options.network!r}"
    return f"the layers {text_of(options.layers)}"


def inputs(options: TrainOptions) -> int:
    """Return the units of the input."""
    network = options.network
    return n_inputs(options.layers) if network is None else network[_input(network)].size


def outputs(options: TrainOptions) -> int:
    """Return the units of the output."""
    network = options.network
    return n_outputs(options.layers) if network is None else network.populations[-1].size


def check_described(options: TrainOptions, data: DataSet) -> None:
    """Refuse data whose sensor or classes the network does not fit."""
    sensor, first = sensor_of(data.train), data.n_inputs
    network, layers = options.network, options.layers
    if network is not None:
        shape = network[_input(network)].shape
        same = shape == sensor if len(shape) == len(sensor) else math.prod(shape) == first
        if not same or outputs(options) < data.n_classes:
            raise UserError(
                f"{told(options)} takes {shape} and tells {outputs(options)} classes apart; "
                f"{data.spec} has {sensor} and {data.n_classes} classes; make them equal"
            )
        return
    end: int | str = first
    placed = input_grid(layers) is not None and len(sensor) == 3
    if placed:
        channels, height, width = sensor
        end = f"{height}x{width}x{channels}"
    # Rows and columns of grey images are what the layers say: planes may stand below each other.
    unfit = layers[0] != end if placed else n_inputs(layers) != first
    if unfit or n_outputs(layers) < data.n_classes:
        fitting = with_ends(layers, end, data.n_classes)
        raise UserError(
            f"layers {text_of(layers)} do not fit {data.spec}, which has {first} inputs "
            f"and {data.n_classes} classes; give --layers {text_of(fitting)}"
        )


def packed(network: Network | None) -> tuple[Arrays, dict[str, str]]:
    """Return a network as arrays and text of a checkpoint; nothing where layers describe it."""
    if network is None:
        return {}, {}
    arrays: Arrays = {}

    def placed(array: NDArray[Any]) -> str:
        name = f"{_HELD}{len(arrays)}"
        arrays[name] = np.array(array)
        return name

    return arrays, {"network": toml_of(network, None, placed)}


def unpacked(text: object, arrays: Arrays) -> Network:
    """Return the network that ``packed`` took apart; UserError where it is none."""
    if not isinstance(text, str):
        raise UserError("its network is no text")
    held = {name: array for name, array in arrays.items() if name.startswith(_HELD)}
    return read_network(text, "its network", HeldArrays(held))[0]


def _input(network: Network) -> str:
    return network.populations[network.input].name
