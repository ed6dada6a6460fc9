"""What readouts keep: of several recordings or tasks, and of those that nothing reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.neurons.neuron import Neuron
from eventsnn.record import Readouts


def joined(parts: Sequence[Readouts]) -> Readouts:
    """Return the readouts of several tasks, end to end."""
    names = ("final", "maximum", "maximum_t", "integral")
    return Readouts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def rest_of(neuron: Neuron, size: int, dtype: Any, now: NDArray[np.float64]) -> Readouts:
    """Return the readouts of a population that nothing reached."""
    cell = neuron.start()
    x = np.repeat(np.array(cell.x, dtype)[:, None], size, 1)
    clocks, times = (np.full(size, t) for t in (cell.times[0], cell.times[1]))
    rows = [neuron.readouts(x, clocks, times, float(t)) for t in now]
    return stacked(rows, size, dtype)


def stacked(rows: Sequence[tuple[NDArray[Any], ...]], size: int, dtype: Any) -> Readouts:
    """Return what each recording's readouts hold, one under the other."""
    columns = zip(*rows, strict=True) if rows else [np.zeros((0, size), dtype)] * 4
    return Readouts(*(np.array(list(column)) for column in columns))
