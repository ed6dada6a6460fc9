"""The nearest-neighbour filter of noise: an event needs company (Delbruck 2008).

"Frame-free dynamic digital vision", section on background activity. An event writes its time into
the cells of its neighbours, up to eight, and is kept if one of them has written into its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.filters.event_filter import FILTERED_NEVER, EventFilter, FilterCost, Sight
from eventsnn.kernels.compile import threaded


@dataclass(frozen=True)
class Neighbour(EventFilter):
    """Drop an event if no neighbouring pixel had one within the ``number`` microseconds before."""

    kind: ClassVar[str] = "neighbour"
    unit: ClassVar[str] = "US"

    def keep(self, sight: Sight) -> tuple[NDArray[np.bool_], FilterCost]:
        """An event reads its cell, subtracts, compares, and writes those of its neighbours."""
        n, keep = len(sight.t), np.zeros(len(sight.t), np.bool_)
        cells = np.zeros((sight.height, sight.width), np.int64)
        kept, writes = _mark(sight, self.number, cells, keep)
        return keep, FilterCost(n, int(kept), n, int(writes), n, n)


@threaded
def _mark(sight, within, cells, keep):  # type: ignore[no-untyped-def]
    """Fill ``keep``; return how many are kept, and the words written."""
    kept, writes, (height, width) = 0, 0, cells.shape
    for r in range(len(sight.start) - 1):
        cells[:] = FILTERED_NEVER
        for i in range(sight.start[r], sight.start[r + 1]):
            pixel, t = np.int64(sight.unit[i]) % (height * width), np.int64(sight.t[i])
            y, x = pixel // width, pixel % width
            if t - cells[y, x] <= within:
                keep[i] = True
                kept += 1
            for b in range(max(y - 1, 0), min(y + 2, height)):
                for a in range(max(x - 1, 0), min(x + 2, width)):
                    if a != x or b != y:
                        cells[b, a] = t
                        writes += 1
    return kept, writes
