"""Poisson spikes: each unit fires at any moment with the same probability, whatever was before.

Time is cut into blocks, each drawn with a seed of its own, so that any stretch can be asked for
alone: how many spikes a block has, and where they are. Spikes of different blocks are independent
in a Poisson process, so that the cut changes nothing. Times are rounded down to microseconds.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.events.checked import TIME_END
from eventsnn.generators.generator import SpikeGenerator, joined, sorted_keys
from eventsnn.options import option

_SPIKES = 1 << 16
_LONGEST = 30
"""Spikes of a block, in the mean, and the logarithm of its greatest length."""


@dataclass(frozen=True)
class Poisson(SpikeGenerator):
    """Independent Poisson trains, one a unit.

    Attributes
    ----------
    rate_hz : float
        Spikes a second of each unit.
    seed : int
        Give each population its own.
    start_us, stop_us : int
        It is silent before and from then on, microseconds.

    Examples
    --------
    >>> from eventsnn import Poisson
    >>> Poisson(rate_hz=20, seed=1).stream(100, 1_000_000)
    <EventStream 2,001 events, 1x100x1, 1,000 ms>
    """

    kind: ClassVar[str] = "poisson"
    rate_hz: float = option(MISSING, "Spikes a second of each unit.", unit="Hz", least=0, most=1e6)
    seed: int = option(MISSING, "Of the draw.", least=0)
    start_us: int = option(0, "Silent before.", unit="microseconds", least=0)
    stop_us: int = option(TIME_END, "Silent from then on.", unit="microseconds", least=0)

    def __post_init__(self) -> None:
        """Check the times, too."""
        super().__post_init__()
        self.check_window(self.start_us, self.stop_us)

    def rate(self, size: int) -> float:
        """Return the spikes a microsecond of all units."""
        return self.rate_hz * 1e-6 * size

    def spikes(
        self, size: int, begin: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Draw the blocks that the stretch touches; return what lies in it."""
        begin, end = max(begin, self.start_us), min(end, self.stop_us)
        rate = self.rate(size)
        if begin >= end or rate == 0:
            return joined(())
        length = min(_SPIKES / rate, float(1 << _LONGEST))  # of a tiny rate it is infinite
        width = 1 << max(0, math.floor(math.log2(length)))
        blocks = range(begin // width, (end - 1) // width + 1)
        t, unit = joined(self._block(b, width, size) for b in blocks)
        first, last = np.searchsorted(t, (begin, end))
        return t[first:last], unit[first:last]

    def _block(
        self, block: int, width: int, size: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(block,)))
        n = rng.poisson(self.rate(size) * width)
        return sorted_keys(rng.integers(0, width * size, n), size, block * width)
