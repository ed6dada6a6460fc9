"""A constant current, from a moment on or for a while."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.events.checked import TIME_END
from eventsnn.generators.generator import CurrentGenerator
from eventsnn.options import option


@dataclass(frozen=True)
class ConstantCurrent(CurrentGenerator):
    """A constant current.

    Attributes
    ----------
    amplitude : float
        In units of the potential: the potential tends to it.
    start_us, stop_us : int
        Microseconds; 0 before, and from ``stop_us`` on.

    Examples
    --------
    >>> import eventsnn as es
    >>> cell = es.CubaLIF(tau_mem_us=10_000, tau_syn_us=5_000)
    >>> drive = es.ConstantCurrent(2.0, start_us=20_000)
    >>> net = es.Network((es.Population("cell", (1,), cell, drive),))
    >>> es.simulate(net, {}, until_us=30_000).spikes["cell"].t.round()
    array([26931.])
    """

    kind: ClassVar[str] = "constant_current"
    amplitude: float = option(MISSING, "In units of the potential.")
    start_us: int = option(0, "0 before.", unit="microseconds", least=0)
    stop_us: int = option(TIME_END, "0 from then on.", unit="microseconds", least=0)

    def __post_init__(self) -> None:
        """Check the times, too."""
        super().__post_init__()
        self.check_window(self.start_us, self.stop_us)

    def changes(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return both ends."""
        return np.array([self.start_us, self.stop_us]), np.array([float(self.amplitude), 0.0])
