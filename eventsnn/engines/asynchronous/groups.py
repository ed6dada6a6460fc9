"""Delays a synapse on a coarse grid: synapses of one sender and one delay wait as a group.

Most published models have delays of whole time steps, so that several synapses of a
sender share a delay. Such a group is one entry on the calendar; its synapses are read
when they are delivered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.network import Connection, Network
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology

LEAST_SYNAPSES = 2
"""Synapses of a group, in the mean, from which grouping pays."""


class Groups(NamedTuple):
    """Synapses of a connection sorted by (sender, delay, synapse), and their groups.

    Attributes
    ----------
    target : int32 array (n_synapses,)
    weight : int64 array (n_synapses,)
        The place of each synapse in the connection's flat weights.
    begin : int
        The place of the first among the synapses of all groups of the network.
    start : int64 array (n_in + 1,)
        Sender i owns the groups start[i] to start[i + 1] - 1.
    delay, entry, size : int32 arrays (n_groups,)
        Microseconds, the first synapse of all, inverted (see ``queue.py``), and how many.
    """

    target: NDArray[np.int32]
    weight: NDArray[np.int64]
    begin: int
    start: NDArray[np.int64]
    delay: NDArray[np.int32]
    entry: NDArray[np.int32]
    size: NDArray[np.int32]


@lru_cache(maxsize=4)
def groups_of(network: Network) -> dict[int, Groups]:
    """Return the groups of each connection that is better delivered so, by its number."""
    found, begin = {}, 0
    for c, connection in enumerate(network.connections):
        one = groups(connection, begin)
        if one is not None:
            found[c], begin = one, begin + len(one.target)
    return found


def groups(connection: Connection, begin: int) -> Groups | None:
    """Sort the synapses of a connection by their delays and group them, if that pays."""
    if connection.one_delay:
        return None
    n_in = connection.topology.n_in
    sender, target, weight = _synapses(connection.topology)
    delay = np.ravel(connection.delay_us)[weight]
    order = np.lexsort((delay, sender))
    sender, target, weight, delay = sender[order], target[order], weight[order], delay[order]
    new = (np.diff(sender, prepend=-1) != 0) | (np.diff(delay, prepend=-1) != 0)
    first = np.flatnonzero(new)
    if not 0 < LEAST_SYNAPSES * len(first) <= len(sender):
        return None
    size = np.diff(first, append=len(sender))
    start = np.searchsorted(sender[first], np.arange(n_in + 1))
    by_group = (a.astype(np.int32) for a in (delay[first], ~(begin + first), size))
    return Groups(target, weight, begin, start, *by_group)


def _synapses(topology: Topology) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Return (sender, target, place of the weight) of every synapse, sender after sender."""
    if isinstance(topology, Sparse):  # has its synapses as arrays already
        senders = np.repeat(np.arange(topology.n_in), np.diff(topology.start))
        return senders, topology.target, np.arange(len(topology.target))
    rows = [topology.fan_out(sender) for sender in range(topology.n_in)]
    senders = np.repeat(np.arange(topology.n_in), [len(targets) for targets, _ in rows])
    targets = np.concatenate([targets for targets, _ in rows]).astype(np.int32)
    return senders, targets, np.concatenate([weights for _, weights in rows])
