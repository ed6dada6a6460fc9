"""Weights that cannot be written are checked and laid out once: the next run knows them again.

Whoever makes such an array writable, and writes, must give another array.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.pool import Pool
from eventsnn.network import Network, Weights

Flat = tuple[NDArray[Any], ...]


class SeenBefore(NamedTuple):
    """A network, its weights as they were given and as they run, and what engines made of them.

    Attributes
    ----------
    given : tuple of arrays, a connection each
        Held, so that no other array takes their place in memory.
    """

    network: Network
    given: tuple[Any, ...]
    dtype: type[np.floating[Any]] | None
    flat: Flat
    pool: Pool


_last: deque[SeenBefore] = deque(maxlen=2)
"""Two, for a network beside its teacher: more would keep memory that nobody sees."""


def checked(
    network: Network, weights: Weights, dtype: type[np.floating[Any]] | None
) -> tuple[Flat, Pool | None]:
    """Return the flat weights of a run; if they were seen before and cannot be written, a pool.

    Not at first sight: to lay weights out for a single run costs more than it saves.
    """
    given = _fixed(network, weights)
    if given is None:
        return network.weights(weights, dtype), None
    for kept in tuple(_last):
        if kept.network is network and kept.dtype is dtype and _same(kept.given, given):
            return kept.flat, kept.pool
    flat = network.weights(weights, dtype)
    _last.append(SeenBefore(network, given, dtype, flat, Pool()))
    return flat, None


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that cannot be written; an array that cannot be, as it is."""
    if _cannot_be_written(array):
        return array
    out = np.array(array)
    out.setflags(write=False)
    return out


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _fixed(network: Network, weights: Weights) -> tuple[Any, ...] | None:
    """Return the weights in the order of the connections, if none of them can be written."""
    if isinstance(weights, Mapping):
        given = tuple(weights.get(c.name) for c in network.connections)
        if len(weights) > sum(one is not None for one in given):
            return None
    elif isinstance(weights, list | tuple):
        given = tuple(weights)
    else:
        return None
    return given if all(one is None or _cannot_be_written(one) for one in given) else None


def _cannot_be_written(array: Any) -> bool:
    """Return whether an array and all that it is a view of are marked read-only."""
    while isinstance(array, np.ndarray) and not array.flags.writeable:
        if array.base is None:
            return True
        array = array.base
    return False
