"""Where a run pauses, so that generators draw piece by piece, and to tell how far it is."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from eventsnn.engines.inputs import Feed
from eventsnn.engines.options import Progress

_DRAWN = 1 << 20
"""Spikes that generators draw at a time, in the mean."""
_FIRST_US = 1000.0
"""The first piece of a run that is watched; the next are longer, if they are quick."""
_LEAST_S, _MOST_S = 0.05, 0.2


class Pace:
    """Pauses of one recording's run. They change nothing of its record.

    Parameters
    ----------
    feeds : sequence of Feed
    progress : callable, optional
        Told how far the run is; where it returns False the run stops.
    """

    def __init__(self, feeds: Sequence[Feed], progress: Progress | None) -> None:
        rate = sum(feed.rate for feed in feeds)
        self.most = _DRAWN / rate if rate else math.inf
        self.progress = progress
        self.width = self.most
        if progress is not None:
            self.width = min(self.most, _FIRST_US)
        self.began = time.perf_counter()

    def stop(self, now: float) -> float:
        """Return where to pause next."""
        return now + max(1.0, math.ceil(self.width)) if math.isfinite(self.width) else math.inf

    def goes_on(self, now: float) -> bool:
        """Tell how far the run is; return whether it goes on."""
        if self.progress is None:
            return True
        took, self.began = time.perf_counter() - self.began, time.perf_counter()
        if took < _LEAST_S:
            self.width = min(self.most, 2.0 * self.width)
        elif took > _MOST_S:
            self.width = max(1.0, self.width / 2.0)
        return self.progress(now)
