"""Regular spikes: each unit at equal intervals."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.events.checked import TIME_END
from eventsnn.generators.generator import SpikeGenerator, sorted_keys
from eventsnn.options import option


@dataclass(frozen=True)
class Regular(SpikeGenerator):
    """A spike every ``interval_us``.

    Attributes
    ----------
    interval_us : int
        Microseconds from spike to spike.
    seed : int or None
        Draws the phase of each unit, from 0 to the interval; None: all spike together.
    start_us, stop_us : int
        The first spike of phase 0; silent from ``stop_us`` on. Microseconds.

    Examples
    --------
    >>> from eventsnn import Regular
    >>> Regular(interval_us=10_000).stream(1, 35_000).t
    array([    0, 10000, 20000, 30000])
    """

    kind: ClassVar[str] = "regular"
    interval_us: int = option(MISSING, "From spike to spike.", unit="microseconds", least=1)
    seed: int | None = option(None, "Of the phases; none: all spike together.", least=0)
    start_us: int = option(0, "The first spike.", unit="microseconds", least=0)
    stop_us: int = option(TIME_END, "Silent from then on.", unit="microseconds", least=0)

    def __post_init__(self) -> None:
        """Check the times, too."""
        super().__post_init__()
        self.check_window(self.start_us, self.stop_us)

    def rate(self, size: int) -> float:
        """Return the spikes a microsecond of all units."""
        return size / self.interval_us

    def spikes(
        self, size: int, begin: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Count from the phase of each unit."""
        begin, end = max(begin, self.start_us), max(begin, min(end, self.stop_us))
        phase = np.zeros(size, np.int64)
        if self.seed is not None:
            phase = np.random.default_rng(self.seed).integers(0, self.interval_us, size)
        phase += self.start_us
        first = np.maximum(0, -((phase - begin) // self.interval_us))
        n = np.maximum(0, -((phase - end) // self.interval_us) - first)
        unit = np.repeat(np.arange(size), n)
        nth = np.arange(len(unit)) - np.repeat(np.cumsum(n) - n, n) + first[unit]
        return sorted_keys(
            (phase[unit] + nth * self.interval_us - begin) * size + unit, size, begin
        )
