"""Deliveries of events that stand for several: see ``engines/counted.py``."""

from __future__ import annotations

import numpy as np

from eventsnn.engines.layered.deliveries import Deliveries
from eventsnn.kernels.compile import threaded


def unpacked(came: Deliveries, packed: int) -> Deliveries:
    """Return deliveries of an input whose events are packed: senders apart from their counts."""
    row, count = np.empty_like(came.row), np.empty(len(came.row))
    _unpack(came.row, packed, row, count)
    return came._replace(row=row, multiple=count)


@threaded
def _unpack(units, n, row, count):  # type: ignore[no-untyped-def]
    for i in range(len(units)):
        row[i], count[i] = units[i], 1.0
        if units[i] >= n:
            row[i], count[i] = units[i] % n, units[i] // n + 1
