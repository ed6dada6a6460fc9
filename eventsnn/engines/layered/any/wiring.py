"""Every synapse of a connection of any topology, listed as its fan-outs say."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.topology.topology import Topology


class Synapses(NamedTuple):
    """Sender i owns the synapses start[i] to start[i + 1] - 1.

    Attributes
    ----------
    start : int64 array (n_in + 1,)
    target : int32 array (n_synapses,)
    weight : int64 array (n_synapses,)
        Place of each synapse's weight in the flat weights.
    """

    start: NDArray[np.int64]
    target: NDArray[np.int32]
    weight: NDArray[np.int64]


@lru_cache(maxsize=8)
def synapses_of(topology: Topology) -> Synapses:
    """List the synapses of a topology, in the order of its fan-outs."""
    fans = [topology.fan_out(sender) for sender in range(topology.n_in)]
    start = np.cumsum([0, *(len(targets) for targets, _ in fans)]).astype(np.int64)
    target = np.concatenate([targets for targets, _ in fans]).astype(np.int32)
    return Synapses(start, target, np.concatenate([places for _, places in fans]).astype(np.int64))
