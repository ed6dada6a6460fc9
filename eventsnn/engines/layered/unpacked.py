"""Deliveries of events that stand for several: see ``engines/counted.py``."""

from __future__ import annotations

import numpy as np

from eventsnn.engines.layered.deliveries import Deliveries, Train
from eventsnn.kernels.compile import threaded


def unpacked(came: Deliveries, packed: int) -> Deliveries:
    """Return deliveries of an input whose events are packed: senders apart from their counts."""
    row, count = np.empty_like(came.row), np.empty(len(came.row))
    _unpack(came.row, packed, row, count)
    return came._replace(row=row, multiple=count)


def one_by_one(train: Train, packed: int) -> Train:
    """Return a train of an input whose events are packed with each event by itself."""
    count = train.unit // packed + 1
    start = np.concatenate([np.zeros(1, np.int64), count.cumsum()])[train.start]
    t, unit = np.repeat(train.t, count), np.repeat(train.unit % packed, count)
    return Train(t, unit.astype(np.int32), train.value, start)


@threaded
def _unpack(units, n, row, count):  # type: ignore[no-untyped-def]
    for i in range(len(units)):
        row[i], count[i] = units[i], 1.0
        if units[i] >= n:
            row[i], count[i] = units[i] % n, units[i] // n + 1
