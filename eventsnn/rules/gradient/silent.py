"""A neuron that never fires has no gradient: its weights are pulled up."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import allocating
from eventsnn.optimizers.over_ranks import Gradient
from eventsnn.topology.topology import Topology


def pull_up(
    topology: Topology,
    gradient: Gradient,
    came: NDArray[np.int64],
    spoke: NDArray[np.int64],
    pull: float,
) -> None:
    """Pull up the weights of targets that were silent in every recording of a batch.

    Weights gain in proportion to how often each of their inputs spoke, ``pull`` in all. A
    channel of a convolution is silent if it is at every position. Topologies whose weights
    have no axes of senders and targets, pooling and lists, are left alone.

    Parameters
    ----------
    topology : Topology
    gradient : float array of its ``weight_shape``, Blockwise or OwnColumns
        Changed in place.
    came, spoke : int64 arrays (n_in,), (n_out,)
        Spikes of each sender and of each target, summed over the batch.
    pull : float
    """
    *kernel, c_in, channels = (1, 1, *topology.weight_shape)[-4:]
    if len(topology.weight_shape) < 2 or came.size % c_in or spoke.size % channels:
        return
    # Positions share weights: a channel is silent as a whole. Of a dense layer there is one.
    planar = getattr(topology, "planar", False)
    came = came.reshape(c_in, -1).sum(1) if planar else came.reshape(-1, c_in).sum(0)
    came = np.tile(came, math.prod(kernel))
    spoke = spoke.reshape(-1, channels).sum(0)
    quiet = spoke == 0
    if not quiet.any() or not came.any():
        return
    by = (pull * came / came.sum()).astype(np.float32)
    if isinstance(gradient, np.ndarray):
        _pull(gradient.reshape(len(came), -1), np.flatnonzero(quiet), by)
    else:
        gradient.add(quiet, -by)


@allocating
def _pull(gradient, columns, by):  # type: ignore[no-untyped-def]
    for j in range(len(by)):
        for i in columns:
            gradient[j, i] -= by[j]
