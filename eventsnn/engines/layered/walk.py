"""What the reverse walk hands to a layer: errors of spikes or of potentials, and its deliveries."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import walk_kernel as kernel
from eventsnn.engines.layered.deliveries import Deliveries, Train
from eventsnn.engines.layered.dense.laid import Laid

GROUP = 16
"""Recordings whose gradients are summed before those of others are added. A constant: the
order of a sum must not depend on the number of threads."""


class SpikeErrors(NamedTuple):
    """Derivatives of the loss by the spikes of a population, near ones among them.

    Attributes
    ----------
    train : Train
    g : float64 array (n_spikes,)
    """

    train: Train
    g: NDArray[np.float64]


class TimedErrors(NamedTuple):
    """Derivatives of the loss by what a readout kept, float64 (n_recordings, n_units) each.

    ``maximum_t`` float64 of that shape is when the maximum was, ``end`` int64
    (n_recordings,) when the recording ended, both in microseconds.
    """

    final: NDArray[np.float64]
    maximum: NDArray[np.float64]
    integral: NDArray[np.float64]
    maximum_t: NDArray[np.float64]
    end: NDArray[np.int64]

    def of(self, rows: slice) -> TimedErrors:
        """Return some recordings' errors, as views."""
        parts = self.final[rows], self.maximum[rows], self.integral[rows]
        return TimedErrors(*parts, self.maximum_t[rows], self.end[rows])


class Walk(NamedTuple):
    """What a connection into spiking neurons is walked with.

    Attributes
    ----------
    came : Deliveries
    grown : float array (n_deliveries,)
        ``walk_kernel.growth_of`` them, times their counts.
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
        if len(came.multiple):
            grown *= came.multiple.astype(grown.dtype)
        return cls(came, grown, weights, jumps, growth)

    @property
    def reach(self) -> NDArray[np.int64]:
        """The first delivery after each jump."""
        out = np.empty(len(self.jumps.t), np.int64)
        kernel.reach_of(self.came, self.jumps, out)
        return out


class TimedWalk(NamedTuple):
    """What a connection into a readout is walked with."""

    came: Deliveries
    weights: NDArray[Any]
    given: TimedErrors


def sums_of(came: Deliveries, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return zeros of that shape for each group of the recordings that events came in."""
    return np.zeros((-(-len(came.instants) // GROUP), *shape), dtype)


@cache
def growth_by(tau_us: float) -> kernel.Growth:
    """Return the tables of a time constant."""
    return kernel.Growth.of(tau_us)
