"""Masks: neurons that do not speak are neither heard nor kept (dropout)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.deliveries import Train
from eventsnn.kernels.compile import allocating

Masks = Mapping[int, NDArray[np.bool_]]
"""By population: which neurons speak in each recording, bool (n_recordings, size)."""


def speaking(train: Train, mask: NDArray[np.bool_]) -> Train:
    """Return the spikes of the neurons that speak."""
    t, unit = np.empty_like(train.t), np.empty_like(train.unit)
    out = Train(t, unit, np.empty_like(train.value), np.zeros_like(train.start))
    n = _select(train, mask, out)
    return Train(t[:n], unit[:n], out.value[:n], out.start)


@allocating
def _select(train, mask, out):  # type: ignore[no-untyped-def]
    n = 0
    for r in range(len(mask)):
        for f in range(train.start[r], train.start[r + 1]):
            if mask[r, train.unit[f]]:
                out.t[n], out.unit[n], out.value[n] = train.t[f], train.unit[f], train.value[f]
                n += 1
        out.start[r + 1] = n
    return n
