"""Events of one unit and step that are delivered as one, with a count.

So it is in recordings on a grid (``EventStream.on_grid``), through dense connections without
delay. Within the
engines such an event is one of unit ``unit + (count - 1) * n``, n being the units of its
population: it takes no more room than any other. What it adds to a neuron is the weight times
the count, rounded once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import kernel

_MOST = np.iinfo(np.int32).max


@kernel
def pack(t: Any, unit: Any, n: int) -> int:
    """Let events of one unit at one time be one, in place; they stand in order of (t, unit).

    Returns the number of events that are left. A count that no int32 holds becomes two.
    """
    most, left, k = _MOST // n, 0, 0
    while k < len(t):
        count = 1
        while k + count < len(t) and t[k + count] == t[k] and unit[k + count] == unit[k]:
            count += 1
        k += count
        now, one = t[k - 1], unit[k - 1]
        while count > 0:
            some = min(count, most)
            t[left], unit[left] = now, one + (some - 1) * n
            left += 1
            count -= some
    return left


def packed_in(
    unit: NDArray[np.int32], at: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return in which populations, whose events begin at ``at``, some stand for several."""
    parts = zip(pairwise(at.tolist()), sizes.tolist(), strict=True)
    found = [first < end and unit[first:end].max() >= n for (first, end), n in parts]
    return np.array(found, np.bool_)


@kernel
def scale(weights: Any, runs: Any, count: Any, out: Any) -> None:
    """Write the weights of a fan-out of neighbours, times a count, to ``out``.

    ``runs`` is what a topology's kernel writes: the number of runs, and (first target, first
    weight, length) of each; afterwards it reads ``out``.
    """
    n, real = 0, out.dtype.type
    for r in range(1, 1 + 3 * runs[0], 3):
        first = runs[r + 1]
        for k in range(first, first + runs[r + 2]):
            out[n + k - first] = weights[k] * real(count)
        runs[r + 1] = n
        n += runs[r + 2]
