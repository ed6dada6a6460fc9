"""How many synapses each sender has: true edges, without what lies beyond a border."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.network import Network
from eventsnn.topology.topology import Topology


def fan_outs(topology: Topology, weights: NDArray[Any] | None = None) -> NDArray[np.int64]:
    """Return the synapses of each sender, int64 (n_in,).

    Parameters
    ----------
    topology : Topology
    weights : array of ``topology.weight_shape``, flat or not
        If given, only synapses with a weight other than 0 are counted.
    """
    # The plain function behind the compiled one: its runs skip what no border lets through.
    runs, table = topology.kernel().__wrapped__, topology.table()
    out = np.zeros(1 + 3 * max(topology.max_fan_out, 1), np.int64)
    before = None if weights is None else _zeros_counted(weights)
    synapses = np.zeros(topology.n_in, np.int64)
    for sender in range(topology.n_in):
        runs(table, sender, out)
        used = out[1 : 1 + 3 * out[0]].reshape(-1, 3)
        first, length = used[:, 1], used[:, 2]
        if before is None:
            synapses[sender] = length.sum()
        else:
            synapses[sender] = (before[first + length] - before[first]).sum()
    return synapses


def edges(network: Network) -> NDArray[np.int64]:
    """Return the synapses of each connection, int64 (n_connections,)."""
    sums = [int(fan_outs(connection.topology).sum()) for connection in network.connections]
    return np.array(sums, np.int64)


def _zeros_counted(weights: NDArray[Any]) -> NDArray[np.int64]:
    """Return how many weights other than 0 stand before each place, int64 (n + 1,)."""
    return np.concatenate([[0], np.cumsum(weights.reshape(-1) != 0)]).astype(np.int64)
