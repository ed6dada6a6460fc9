"""Parts of a minibatch that threads and ranks share out, and what the walk has in common.

Sums over samples are made in ``LANES`` parts, whatever the number of threads and ranks: no bit
depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.ranks.ranks import ONE, Ranks
from eventsnn.rules.ledinauskas2020.graph import GraphLayer
from eventsnn.surrogates.surrogate import Surrogate
from eventsnn.threads import in_threads

LANES = 4
"""Parts of a minibatch: sums over samples are those of the parts, added in order."""


class WalkSettings(NamedTuple):
    """What all layers have in common.

    Attributes
    ----------
    steps : int
    decay : float
    soft, detached : bool
    surrogate : Surrogate
    epsilon : float
    norm : str
        "pooled" over steps, "per-step", or "none": I + beta in place of equation (2).
    real : type
    threads : int
    ranks : Ranks
        Who share out a minibatch, whole lanes each.
    batch : int
        Samples of all ranks; 0: those that are run.
    """

    steps: int
    decay: float
    soft: bool
    detached: bool
    surrogate: Surrogate
    epsilon: float
    norm: str
    real: Any
    threads: int
    ranks: Ranks = ONE
    batch: int = 0

    @property
    def groups(self) -> int:
        """Groups of statistics: one, or one a step."""
        return self.steps if self.norm == "per-step" else 1

    def forward(self, layer: GraphLayer) -> tuple[Any, ...]:
        """Return what ``kernels.fire`` reads."""
        taken = layer.threshold / self.decay if self.soft else 0.0
        values = self.decay, layer.threshold, float(self.soft), taken
        return tuple(self.real(v) for v in values)

    def backward(self, layer: GraphLayer) -> tuple[Any, ...]:
        """Return what ``kernels.turn_errors`` reads."""
        kept = self.decay if self.soft else 0.0
        by_u = 0.0 if self.soft or self.detached else self.decay
        by_threshold = layer.threshold if self.soft and not self.detached else 0.0
        values = self.decay, layer.threshold, self.decay, kept, by_u, by_threshold
        return tuple(self.real(v) for v in values)


def lanes(n: int) -> list[range]:
    """Return the parts of so many samples."""
    ends = [n * k // LANES for k in range(LANES + 1)]
    return [range(a, b) for a, b in pairwise(ends) if b > a]


def over_lanes(work: Callable[[slice], Any], n: int, settings: WalkSettings) -> list[Any]:
    """Return what ``work`` answers for each part of the n samples of this rank."""
    every = lanes(settings.batch or n)
    own = every[settings.ranks.part(len(every))] if settings.batch else every
    first = own[0].start if own else 0
    parts = [slice(lane.start - first, lane.stop - first) for lane in own]
    return in_threads(work, parts, settings.threads)


def summed(
    work: Callable[[slice], NDArray[np.float64]],
    shape: tuple[int, ...],
    n: int,
    settings: WalkSettings,
) -> NDArray[np.float64]:
    """Return the sum of what ``work`` answers, of a shape, for the parts of all ranks in order."""
    found = over_lanes(work, n, settings)
    if settings.batch:
        every = settings.ranks.gathered([part.reshape(-1) for part in found])
        found = [part.reshape(shape) for message in every for part in message]
    return np.asarray(sum(found), np.float64)
