"""The priority queue alone: a push and a pop while many spikes wait."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.asynchronous import queue
from eventsnn.kernels.compile import allocating

PENDING = 100_000


class Turnover:
    """A heap of ``PENDING`` predicted spikes; each step takes the earliest and adds one.

    Parameters
    ----------
    steps : int
        Pushes, and pops, of one run.
    """

    def __init__(self, steps: int) -> None:
        rng = np.random.default_rng(5)
        kernels = queue.kernels(np.float32)
        self.push, self.pop = kernels.heap_push, kernels.heap_pop
        self.later = rng.exponential(10_000.0, steps)
        self.times, self.units = np.zeros(PENDING + 1), np.zeros(PENDING + 1, np.int64)
        waiting = rng.exponential(10_000.0, PENDING)
        for n, t in enumerate(np.sort(waiting)):
            self.times[n], self.units[n] = t, n

    def run(self) -> None:
        """Take and add, ``steps`` times."""
        _turn_over(self.push, self.pop, self.times, self.units, PENDING, self.later)


@allocating
def _turn_over(
    push: Any, pop: Any, times: Any, units: Any, n: int, later: NDArray[np.float64]
) -> int:
    """Keep n waiting: the earliest fires, and fires again ``later``."""
    for wait in later:
        t, unit = times[0], units[0]
        n = pop(times, units, n)
        n = push(times, units, n, t + wait, unit)
    return n
