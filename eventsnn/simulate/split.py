"""Delays a synapse on a coarse grid: a connection as a few connections with one delay each.

Most published models have delays of whole time steps, so that a connection's synapses
share a few delays. Split by delay, a spike costs a few short fan-outs, each read from
the source's log when it is due, and nothing is written onto a calendar and sorted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.network import Connection, Network
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology

MOST_DELAYS = 64
LEAST_SYNAPSES = 2
"""Synapses for each sender and delay, in the mean, from which splitting pays: reading a
spike once more costs about as much as two synapses on a calendar."""


class Split(NamedTuple):
    """Synapses of a connection sorted by (delay, sender, synapse), the longest delay first.

    The order of sums is thus that of the definition: of what arrives at one instant, the
    longest delay was sent first.

    Attributes
    ----------
    delays : int64 array (n_delays,), descending, microseconds
    start : int64 array (n_delays, n_in + 1)
        Sender i owns the synapses start[d, i] to start[d, i + 1] - 1 of delay d.
    target : int32 array (n_synapses,)
    weight : int64 array (n_synapses,)
        The place of each synapse in the connection's flat weights.
    """

    delays: NDArray[np.int64]
    start: NDArray[np.int64]
    target: NDArray[np.int32]
    weight: NDArray[np.int64]


@lru_cache(maxsize=4)
def splits(network: Network) -> dict[int, Split]:
    """Return the split of each connection that is to be split, by its number."""
    found = {c: split(connection) for c, connection in enumerate(network.connections)}
    return {c: one for c, one in found.items() if one is not None}


def split(connection: Connection) -> Split | None:
    """Sort the synapses of a connection by their delays, if that pays."""
    if connection.one_delay:
        return None
    by_weight = np.ravel(connection.delay_us)
    delays = np.unique(by_weight)[::-1]
    if not 0 < len(delays) <= MOST_DELAYS:
        return None
    topology = connection.topology
    sender, target, weight = _synapses(topology)
    if len(sender) < LEAST_SYNAPSES * len(delays) * topology.n_in:
        return None
    row = np.searchsorted(-delays, -by_weight[weight]) * topology.n_in + sender
    order = np.argsort(row, kind="stable")
    bounds = np.concatenate(
        [[0], np.cumsum(np.bincount(row, minlength=len(delays) * topology.n_in))]
    )
    places = np.arange(len(delays))[:, None] * topology.n_in + np.arange(topology.n_in + 1)
    return Split(delays, bounds[places], target[order], weight[order])


def _synapses(topology: Topology) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Return (sender, target, place of the weight) of every synapse, sender after sender."""
    if isinstance(topology, Sparse):
        senders = np.repeat(np.arange(topology.n_in), np.diff(topology.start))
        return senders, topology.target, np.arange(len(topology.target))
    rows = [topology.fan_out(sender) for sender in range(topology.n_in)]
    senders = np.repeat(np.arange(topology.n_in), [len(targets) for targets, _ in rows])
    targets = np.concatenate([targets for targets, _ in rows]).astype(np.int32)
    return senders, targets, np.concatenate([weights for _, weights in rows])
