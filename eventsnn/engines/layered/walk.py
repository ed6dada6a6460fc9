"""The reverse walk through one connection of a piece, by topology: errors and gradient."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import walk_kernel as kernel
from eventsnn.engines.layered.conv.backward import (
    fan_of,
    laid_out,
    patch_errors,
    patch_gradient,
    view_of,
)
from eventsnn.engines.layered.deliveries import Deliveries
from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.engines.layered.listed.backward import listed_adjoint, wiring_of
from eventsnn.engines.layered.passed import GROUP
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d
from eventsnn.topology.sparse import Sparse
from eventsnn.topology.topology import Topology


class Walk(NamedTuple):
    """What a connection is walked with.

    Attributes
    ----------
    came : Deliveries
    grown : float array (n_deliveries,)
        ``walk_kernel.growth_of`` them.
    weights : float array, the topology's ``weight_shape``, or Laid
    jumps : walk_kernel.Jumps
        Of its targets.
    growth : walk_kernel.Growth
    """

    came: Deliveries
    grown: NDArray[Any]
    weights: NDArray[Any] | Laid
    jumps: kernel.Jumps
    growth: kernel.Growth

    @classmethod
    def of(
        cls, came: Deliveries, weights: NDArray[Any] | Laid, jumps: kernel.Jumps, tau_us: float
    ) -> Walk:
        """Return the walk of a connection whose targets forget with ``tau_us``."""
        growth, grown = growth_by(tau_us), np.empty(len(came.t), weights.dtype)
        kernel.growth_of(came.t, came.start, growth, grown)
        return cls(came, grown, weights, jumps, growth)

    @property
    def reach(self) -> NDArray[np.int64]:
        """The first delivery after each jump."""
        out = np.empty(len(self.jumps.t), np.int64)
        kernel.reach_of(self.came, self.jumps, out)
        return out


def sums_of(came: Deliveries, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return zeros of that shape for each group of the recordings that events came in."""
    return np.zeros((-(-len(came.instants) // GROUP), *shape), dtype)


@cache
def growth_by(tau_us: float) -> kernel.Growth:
    """Return the tables of a time constant."""
    return kernel.Growth.of(tau_us)


def patch_walk(topology: Dense | Conv2d, walk: Walk) -> NDArray[Any]:
    """Return the errors of the deliveries of a dense connection or a convolution."""
    errors = np.empty(len(walk.came.t), walk.weights.dtype)
    laid = laid_out(topology, plain(walk.weights))
    args = walk.came, walk.grown, laid, fan_of(topology), walk.jumps, walk.growth
    patch_errors(*args, errors)
    return errors


def errors_walk(topology: Topology, walk: Walk) -> NDArray[Any]:
    """Return the errors of deliveries alone."""
    if isinstance(topology, Pool2d | Sparse):
        return listed_walk(topology, walk)[0]
    if isinstance(topology, Dense | Conv2d):
        return patch_walk(topology, walk)
    raise TypeError(f"adjoint: no walk for {topology}")


def conv_gradient(topology: Conv2d, walk: Walk) -> NDArray[Any]:
    """Return the gradients of a convolution's weights, a group of recordings each."""
    rows, columns, c_in, channels = topology.weight_shape
    found = sums_of(walk.came, (channels, rows, columns * c_in), walk.weights.dtype)
    args = walk.came, walk.grown, walk.reach, walk.jumps, walk.growth
    patch_gradient(*args, view_of(topology), found, GROUP)
    by_channel = found.reshape(-1, channels, rows, columns, c_in)
    return np.ascontiguousarray(by_channel.transpose(0, 2, 3, 4, 1))


def listed_walk(topology: Pool2d | Sparse, walk: Walk) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the errors of the deliveries, and the gradients of the weights by group."""
    errors = np.empty(len(walk.came.t), walk.weights.dtype)
    weights = plain(walk.weights)
    gradients = sums_of(walk.came, weights.shape, weights.dtype)
    wiring = wiring_of(topology, weights)
    args = walk.came, walk.grown, weights, wiring, walk.jumps, walk.growth
    listed_adjoint(*args, errors, gradients, GROUP)
    return errors, gradients
