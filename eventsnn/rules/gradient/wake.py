"""Waking the silent: a neuron that never fires has no gradient, so its weights are pulled up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.kernels.compile import allocating
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.topology import Topology


def wake(
    topology: Topology,
    gradient: NDArray[Any] | Blockwise,
    came: NDArray[np.int64],
    spoke: NDArray[np.int64],
    pull: float,
) -> None:
    """Pull up the weights of targets that were silent in every recording of a batch.

    Weights gain in proportion to how often each of their inputs spoke, ``pull`` in all. A
    channel of a convolution is silent if it is at every position. Only dense connections
    and convolutions are changed.

    Parameters
    ----------
    topology : Topology
    gradient : float array of its ``weight_shape``, or Blockwise
        Changed in place.
    came, spoke : int64 arrays (n_in,), (n_out,)
        Spikes of each sender and of each target, summed over the batch.
    pull : float
    """
    if isinstance(topology, Conv2d):  # positions share weights: a channel is silent as a whole
        rows, columns, c_in, channels = topology.weight_shape
        shape = (c_in, -1) if topology.planar else (-1, c_in)
        came = came.reshape(shape).sum(1 if topology.planar else 0)
        came = np.tile(came, rows * columns)
        spoke = spoke.reshape(-1, channels).sum(0)
    elif not isinstance(topology, Dense):  # pooling does not learn, lists have no rows
        return
    quiet = spoke == 0
    if not quiet.any() or not came.any():
        return
    by = (pull * came / came.sum()).astype(np.float32)
    if isinstance(gradient, Blockwise):
        gradient.add(quiet, -by)
    else:
        _pull(gradient.reshape(len(came), -1), np.flatnonzero(quiet), by)


@allocating
def _pull(gradient, columns, by):  # type: ignore[no-untyped-def]
    for j in range(len(by)):
        for i in columns:
            gradient[j, i] -= by[j]
