"""Training samples that runs keep apart: which they are, whatever else a run is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DRAWN_BY = 3
"""Of the generator: runs of other seeds keep the same samples apart, and so compare."""


def parted(count: int, skip: int, hold_out: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of samples that may be learned, and of those kept apart, in order.

    Parameters
    ----------
    count : int
        Training samples.
    skip : int
        So many first ones are in neither.
    hold_out : float
        Share of the others that is kept apart.
    """
    left = np.arange(min(skip, count), count)
    if not hold_out:
        return left, left[:0]
    mixed = left[np.random.default_rng(_DRAWN_BY).permutation(len(left))]
    apart = round(hold_out * len(left))
    return np.sort(mixed[apart:]), np.sort(mixed[:apart])
