"""A network of the rule as arrays of a checkpoint, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.rules.learned import Arrays
from eventsnn.rules.lee2016.machine import LeeMachine
from eventsnn.rules.lee2016.options import Lee2016Options


def arrays_of(state: LeeMachine) -> Arrays:
    """Return copies of everything that learning changes."""
    return {name: np.array(array, order="C") for name, array in _arrays(state).items()}


def _arrays(state: LeeMachine) -> Arrays:
    """Return views, by the names in a checkpoint."""
    net, out = state.net, dict[str, NDArray[Any]]()
    for k, connection in enumerate(state.network.connections):
        flat = net.weight[net.weight_at[k] : net.weight_at[k + 1]]
        out[f"weights.{k}"] = flat.reshape(connection.topology.weight_shape)
        maps = slice(net.group_at[k + 1], net.group_at[k + 2])
        for name in ("threshold", "scale", "square"):
            out[f"{name}.{k}"] = getattr(net, name)[maps]
    for name, array in state.moments._asdict().items():
        if array.size and name not in ("gradient", "slope"):
            out[f"adam.{name}"] = array
    return out | {"tally": state.work.tally, "seen": np.array([state.seen])}


def restored(network: Network, options: Lee2016Options, arrays: Arrays) -> LeeMachine:
    """Return the network that the arrays were made of.

    Raises
    ------
    UserError
        If one is missing, of another shape or type, or holds what no training leaves.
    """
    shapes = [connection.topology.weight_shape for connection in network.connections]
    state = LeeMachine(network, options, [np.zeros(shape) for shape in shapes])
    for name, mine in _arrays(state).items():
        given = arrays.get(name)
        if not isinstance(given, np.ndarray) or given.shape != mine.shape:
            found = given.shape if isinstance(given, np.ndarray) else "nothing"
            raise UserError(f"state {name}: {found}, this network needs {mine.shape}")
        if given.dtype != mine.dtype:
            raise UserError(f"state {name}: {given.dtype!s:.60}, needs {mine.dtype}")
        _check_numbers(name, given)
        mine[...] = given
    state.seen = int(arrays["seen"][0])
    return state


def _check_numbers(name: str, array: NDArray[Any]) -> None:
    """Refuse what no training leaves, with its place."""
    wrong = ~np.isfinite(array)
    if name.startswith(("tally", "seen")):
        wrong = (array < 0) | (array >= 1 << 53)
    elif name.startswith(("threshold", "scale")):
        wrong = ~(np.isfinite(array) & (array > 0))
    if wrong.any():
        at = [int(k) for k in np.argwhere(wrong)[0]]
        raise UserError(f"state {name}{at} is {array[tuple(at)]}")
