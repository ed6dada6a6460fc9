"""Spikes of one population in one sample, in both orders: by step, and by unit."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import kernel, threaded
from eventsnn.rules.grid.lists import turned_over


class Trains(NamedTuple):
    """Spikes of one population; the arrays have room for more than there are.

    Attributes
    ----------
    unit : int32 array
        By step, then by unit; those of step t are unit[first[t]] to unit[first[t + 1] - 1].
    first : int32 array (T + 1,)
    step : int32 array
        By unit, then by step; those of unit j are step[start[j]] to step[start[j + 1] - 1].
    start : int32 array (n + 1,)
    """

    unit: NDArray[np.int32]
    first: NDArray[np.int32]
    step: NDArray[np.int32]
    start: NDArray[np.int32]

    @classmethod
    def room(cls, n: int, steps: int, rest: int = 0) -> Trains:
        """Return room for the spikes of n units that pause ``rest`` steps after each."""
        most = n * (1 + (steps - 1) // (rest + 1))
        unit, step = np.empty(most, np.int32), np.empty(most, np.int32)
        return cls(unit, np.zeros(steps + 1, np.int32), step, np.zeros(n + 1, np.int32))

    @property
    def counts(self) -> NDArray[np.int32]:
        """Spikes of each unit, int32 (n,)."""
        return np.diff(self.start)

    @property
    def spikes(self) -> int:
        """All spikes."""
        return int(self.start[-1])

    def times(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the step and the unit of every spike, by step."""
        steps = np.repeat(np.arange(len(self.first) - 1, dtype=np.int32), np.diff(self.first))
        return steps, self.unit[: self.spikes].copy()


@kernel
def by_step(trains: Any) -> None:
    """Fill the order by step from that by unit."""
    unit, first, step, start = trains
    turned_over(start, step, first, unit)


@threaded
def arrange(trains):  # type: ignore[no-untyped-def]
    """Fill the order by step from that by unit."""
    by_step(trains)


@kernel
def collect(steps: Any, counts: Any, columns: Any, trains: Any) -> None:
    """Take over the spikes of a block, whose neighbour before it is there already.

    ``steps`` (neurons, most) are those at which each spiked, ``counts`` how many.
    """
    _, _, step, start = trains
    low, high, length = columns
    start[0] = 0
    for i in range((high - low) * ((len(start) - 1) // length)):
        at = start[low + i]
        for k in range(counts[i]):
            step[at + k] = steps[i, k]
        start[low + i + 1] = at + counts[i]
    if high == length:
        by_step(trains)


def from_steps(unit: NDArray[np.integer], step: NDArray[np.integer], n: int, steps: int) -> Trains:
    """Return trains of spikes in any order; each unit spikes at most once a step."""
    order = np.lexsort((step, unit))
    start = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(unit, minlength=n), out=start[1:])
    made = Trains(
        np.empty(len(unit), np.int32),
        np.zeros(steps + 1, np.int32),
        np.ascontiguousarray(step[order], np.int32),
        start,
    )
    arrange(made)
    return made
