"""Non-leaky integrate-and-fire: the potential keeps what was delivered until it fires.

At an instant with deliveries the neuron adds them in their order and fires if
v >= threshold; resets, refractory time and the recorded value are those of ``lif``.
"""

from __future__ import annotations

import math
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
class IF(Neuron):
    """Non-leaky integrate-and-fire.

    Attributes
    ----------
    threshold : float
        > 0, in the units of the weights.
    reset : "subtract" or "zero"
        What a spike does to the potential.
    refractory_us : float
        Absolute refractory time, whole microseconds.

    Examples
    --------
    >>> from eventsnn import IF
    >>> IF(threshold=2.0, reset="zero").threshold
    2.0
    """

    kind: ClassVar[str] = "if"
    rows: ClassVar[bool] = True
    one_clock: ClassVar[bool] = True
    in_state: ClassVar[tuple[str, ...]] = ("threshold",)
    threshold: float = 1.0
    reset: Reset = "subtract"
    refractory_us: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        base.check_positive(self, "threshold")
        base.check_reset(self.reset, self.kind)
        base.check_refractory(self)

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Add and test; see the head of this file."""
        v, ready = cell.x[0], cell.times[1]
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
        """Return the closed form of the potential, which keeps all it was given."""
        return Membrane(math.inf, self.threshold, self.reset, self.refractory_us)

    def in_whole_numbers(self, threshold: Any, fraction: int, tick_us: int) -> IntegerLIF:
        """Return the model in whole numbers."""
        ends = threshold, self.reset, fraction, tick_us, self.refractory_us
        return IntegerLIF(math.inf, *ends)

    def lowered(self, share: float) -> IF:
        """Return the model with that share of its threshold."""
        return replace(self, threshold=share * self.threshold)

    def table(self) -> NDArray[np.float64]:
        """Return what the kernels read: without a leak every decay is 1."""
        subtract, decays = self.reset == "subtract", base.decay_table(math.inf)
        return kernels.table(math.inf, self.threshold, subtract, self.refractory_us, decays)

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points: those of ``lif``, for v * 1 is v to the last bit."""
        return kernels.compiled(dtype)
