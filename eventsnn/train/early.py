"""Recordings that end early while they are learned, so that the answer is there early.

A moment is drawn for each recording whenever it is learned; what comes later is not seen. The
recording is as long as ever, so that what a readout holds is where it would settle if nothing more
came: what an early stop reads (``measure/anytime.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eventsnn.events import EventBatch


def ends_of(
    batch: EventBatch, order: NDArray[np.int64], early_us: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the first event of each recording that is not seen, int64 (n,).

    The moment lies between ``early_us`` and the recording's duration, and its logarithm is uniform:
    half of them end before sqrt(early_us * duration). With 0, nothing is drawn and all is seen.
    """
    out = batch.start[order + 1]
    if not early_us:
        return out
    whole = np.maximum(np.asarray(batch.duration[order], np.float64), early_us)
    moment = early_us * (whole / early_us) ** rng.uniform(0, 1, len(whole))
    for k, r in enumerate(order):
        first, last = batch.start[r], batch.start[r + 1]
        out[k] = first + np.searchsorted(batch.t[first:last], moment[k])
    return out
