"""One of so many events of a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.filters.event_filter import EventFilter, FilterCost, Sight
from eventsnn.kernels.compile import threaded


@dataclass(frozen=True)
class Every(EventFilter):
    """Keep the first event of a pixel, and each ``number``-th after it."""

    kind: ClassVar[str] = "every"
    unit: ClassVar[str] = "N"

    def keep(self, sight: Sight) -> tuple[NDArray[np.bool_], FilterCost]:
        """An event reads the count of its pixel, adds 1, compares, writes it."""
        n, keep = len(sight.t), np.zeros(len(sight.t), np.bool_)
        kept = int(_mark(sight, self.number, np.zeros(sight.height * sight.width, np.int64), keep))
        return keep, FilterCost(n, kept, n, n, n, n)


@threaded
def _mark(sight, every, count, keep):  # type: ignore[no-untyped-def]
    """Fill ``keep``; return how many are kept."""
    kept, pixels = 0, len(count)
    for r in range(len(sight.start) - 1):
        count[:] = 0
        for i in range(sight.start[r], sight.start[r + 1]):
            pixel = np.int64(sight.unit[i]) % pixels
            if count[pixel] == 0:
                keep[i] = True
                kept += 1
            count[pixel] = count[pixel] + 1 if count[pixel] + 1 < every else 0
    return kept
