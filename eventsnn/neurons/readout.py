"""Leaky readout that never fires: tau dv/dt = -v, a delivery adds its weight.

It keeps what a loss may ask for: the potential, its maximum over the instants just
after deliveries (and the 0 it starts from), when that was, and the integral of v over
time, exact between deliveries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
from numba import cfunc, float32, float64, int32, int64, njit, types, void
from numpy.typing import NDArray

from eventsnn.neurons import neuron as base
from eventsnn.neurons.neuron import Cell, Kernels, Neuron


@dataclass(frozen=True)
class Readout(Neuron):
    """Non-spiking leaky integrator.

    Attributes
    ----------
    tau_us : float
        Time constant in microseconds, > 0; infinity for a plain sum.
    """

    kind: ClassVar[str] = "readout"
    spiking: ClassVar[bool] = False
    variables: ClassVar[tuple[str, ...]] = ("v", "maximum", "integral")
    times: ClassVar[tuple[str, ...]] = ("clock", "maximum_t")
    tau_us: float = math.inf

    def __post_init__(self) -> None:
        """Check the parameter."""
        base.check_positive(self, "tau_us", infinite=True)

    @cached_property
    def decays(self) -> NDArray[np.float64]:
        """The decay table of ``tau_us``."""
        return base.decay_table(self.tau_us)

    def area(self, dt: float, decay: float) -> float:
        """Return the integral of exp(-s / tau) over s from 0 to dt, in microseconds."""
        return dt if math.isinf(self.tau_us) else self.tau_us * (1.0 - decay)

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Decay and add; see the head of this file."""
        v, maximum, integral = cell.x
        dt = t - cell.times[0]
        decay = base.decay(dt, self.tau_us, self.decays)
        integral += v * self.area(dt, decay)
        v *= decay
        for weight in weights:
            v += weight
        cell.times[0] = t
        if v > maximum:
            maximum, cell.times[1] = v, t
        cell.x[:] = v, maximum, integral
        return None

    def table(self) -> NDArray[np.float64]:
        """[tau, decay table]."""
        return np.concatenate([np.array([self.tau_us]), self.decays])

    @classmethod
    def kernels(cls, dtype: type[np.floating[Any]]) -> Kernels:
        """Return the compiled entry points."""
        return _kernels(dtype)
