"""Leaky integrate-and-fire with delta synapses: tau dv/dt = -v, and a delivery adds its weight.

At an instant with deliveries the neuron decays once by exp(-dt / tau), adds them in
their order, and fires if v >= threshold: v loses ``threshold`` ("subtract") or becomes
0 ("zero"). During the refractory time v only decays: deliveries are lost and nothing
is tested. What a subtractive reset leaves above the threshold fires at the next
delivery. The value recorded with a spike is v just before the reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.neurons import lif_kernels as kernels
from eventsnn.neurons import neuron as base
from eventsnn.neurons.integer_lif import IntegerLIF
from eventsnn.neurons.neuron import Cell, Kernels, Membrane, Neuron, Reset


@dataclass(frozen=True)
class LIF(Neuron):
    """Leaky integrate-and-fire, delta synapses.

    Attributes
    ----------
    tau_us : float
        Time constant in microseconds, > 0.
    threshold : float
        > 0, in the units of the weights.
    reset : "subtract" or "zero"
        What a spike does to the potential.
    refractory_us : float
        Absolute refractory time, whole microseconds.

    Examples
    --------
    >>> from eventsnn import LIF
    >>> LIF(tau_us=20_000, refractory_us=1_000)
    LIF(tau_us=20000.0, threshold=1.0, reset='subtract', refractory_us=1000.0)
    """

    kind: ClassVar[str] = "lif"
    rows: ClassVar[bool] = True
    one_clock: ClassVar[bool] = True
    in_state: ClassVar[tuple[str, ...]] = ("threshold",)
    multiplications: ClassVar[int] = 1
    tau_us: float
    threshold: float = 1.0
    reset: Reset = "subtract"
    refractory_us: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        base.check_positive(self, "tau_us", "threshold")
        base.check_reset(self.reset, self.kind)
        base.check_refractory(self)

    @cached_property
    def decays(self) -> NDArray[np.float64]:
        """The decay table of ``tau_us``."""
        return base.decay_table(self.tau_us)

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Decay, add, test; see the head of this file."""
        clock, ready = cell.times
        v = cell.x[0] * base.decay(t - clock, self.tau_us, self.decays)
        for weight in weights if t >= ready else ():
            v += weight
        cell.x[0], cell.times[0] = v, t
        if t < ready or v < self.threshold:
            return None
        cell.x[0] = v - self.threshold if self.reset == "subtract" else 0.0
        cell.times[1] = t + self.refractory_us
        return v

    @cached_property
    def membrane(self) -> Membrane:
        """Return the closed form of the potential."""
        return Membrane(self.tau_us, self.threshold, self.reset, self.refractory_us)

    def in_whole_numbers(self, threshold: Any, fraction: int, tick_us: int) -> IntegerLIF:
        """Return the model in whole numbers."""
        ends = threshold, self.reset, fraction, tick_us, self.refractory_us
        return IntegerLIF(self.tau_us, *ends)

    def lowered(self, share: float) -> LIF:
        """Return the model with that share of its threshold."""
        return replace(self, threshold=share * self.threshold)

    def table(self) -> NDArray[np.float64]:
        """Return what the kernels read."""
        subtract = self.reset == "subtract"
        return kernels.table(self.tau_us, self.threshold, subtract, self.refractory_us, self.decays)

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return kernels.compiled(dtype)
