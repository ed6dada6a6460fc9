"""A pixel is silent for some time after each event that it sends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.filters.event_filter import FILTERED_NEVER, EventFilter, FilterCost, Sight
from eventsnn.kernels.compile import threaded


@dataclass(frozen=True)
class Refractory(EventFilter):
    """Drop an event that comes less than ``number`` microseconds after the last one kept."""

    kind: ClassVar[str] = "refractory"
    unit: ClassVar[str] = "US"

    def keep(self, sight: Sight) -> tuple[NDArray[np.bool_], FilterCost]:
        """An event reads the time of its pixel, subtracts, compares; a kept one writes it."""
        n, keep = len(sight.t), np.zeros(len(sight.t), np.bool_)
        kept = int(_mark(sight, self.number, np.zeros(sight.height * sight.width, np.int64), keep))
        return keep, FilterCost(n, kept, n, kept, n, n)


@threaded
def _mark(sight, silent, last, keep):  # type: ignore[no-untyped-def]
    """Fill ``keep``; return how many are kept."""
    kept, pixels = 0, len(last)
    for r in range(len(sight.start) - 1):
        last[:] = FILTERED_NEVER
        for i in range(sight.start[r], sight.start[r + 1]):
            pixel, t = np.int64(sight.unit[i]) % pixels, np.int64(sight.t[i])
            if t - last[pixel] >= silent:
                last[pixel] = t
                keep[i] = True
                kept += 1
    return kept
