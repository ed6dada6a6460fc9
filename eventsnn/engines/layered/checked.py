"""What a layered run and its way back are asked at the door: names, shapes, finite weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.errors import UserError
from eventsnn.given import check_no_mask
from eventsnn.network import Network
from eventsnn.neurons.neuron import check_precision
from eventsnn.text import shown

Weights = Sequence[NDArray[Any] | Laid]
"""In the order of the connections."""


def numbered(network: Network, population: int | str) -> int:
    """Return a population's number, which may be given, too."""
    if isinstance(population, str):
        return network.index(population)
    n = len(network.populations)
    if not isinstance(population, int | np.integer) or not 0 <= population < n:
        names = ", ".join(p.name for p in network.populations)
        raise UserError(f"no population has the number {shown(population)}; there are {names}")
    return int(population)


def checked_weights(
    network: Network, weights: Weights | Mapping[str, NDArray[Any]]
) -> list[NDArray[Any] | Laid]:
    """Return weights as ``run_checked`` takes them, in the order of the connections."""
    names = [c.name for c in network.connections]
    if isinstance(weights, Mapping):
        missing = [name for name in names if name not in weights]
        strange = [name for name in weights if name not in names]
        if missing or strange:
            raise UserError(
                f"weights: {'none for' if missing else 'no connection'} "
                f"{(missing or strange)[0]!r}; give those of {', '.join(names)}"
            )
        weights = [weights[name] for name in names]
    if len(weights) != len(names):
        raise UserError(f"weights: {len(weights)} arrays for {len(names)} connections; one each")
    for name, given in zip(names, weights, strict=True):
        check_no_mask(given, f"weights of {name}")
    arrays = [w if isinstance(w, Laid) else np.asarray(w) for w in weights]
    first = arrays[0].dtype if arrays else np.dtype(np.float64)
    for connection, array in zip(network.connections, arrays, strict=True):
        where, shape = f"weights of {connection.name}", connection.topology.weight_shape
        if array.dtype not in (np.float32, np.float64) or array.dtype != first:
            raise UserError(
                f"{where}: dtype {array.dtype}; give float32 or float64, one for all connections"
            )
        if tuple(array.shape) != shape:
            raise UserError(f"{where}: shape {tuple(array.shape)}; give {shape}")
        for part in array.parts if isinstance(array, Laid) else [array]:
            if not np.isfinite(part).all():
                place = tuple(int(k) for k in np.argwhere(~np.isfinite(plain(array)))[0])
                raise UserError(
                    f"{where}: element {place} is {plain(array)[place]}; give finite numbers"
                )
    for population in network.populations:
        if population.neuron is not None:
            check_precision(population.neuron, first.type, f"population {population.name}")
    return arrays
