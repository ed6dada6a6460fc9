"""Integrate-and-fire in whole numbers, leaky or not: what a chip without floats computes.

At an instant with deliveries the potential is decayed once, for the ticks since the last such
instant; then a delivery adds its weight, shifted by ``fraction`` bits; then v >= threshold fires.
Resets and the refractory time are those of ``lif``. Every operation is one of integers of 32 bits,
but for the product of the decay, which has 62: engines keep potentials as floats that hold
integers exactly. ``docs/explanation/integers.md`` defines it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.neurons import integer_lif_kernels as kernels
from eventsnn.neurons import neuron as base
from eventsnn.neurons.integer_checked import Thresholds, check_clock, check_thresholds
from eventsnn.neurons.integer_decay import DecayRows, decay_rows, decayed, factor, flat
from eventsnn.neurons.neuron import Cell, Kernels, Neuron, Reset

MOST = (1 << 31) - 1
"""The largest potential."""


@dataclass(frozen=True)
class IntegerLIF(Neuron):
    """Integrate-and-fire neuron whose potential, weights, threshold and decay are whole numbers.

    Attributes
    ----------
    tau_us : float
        Time constant in microseconds, > 0; infinity for no leak.
    threshold : int, or one a channel
        In units of the potential, from 1 to 2**31 - 1. Of several, neuron j has number j % len:
        one for each channel of a convolution, or for each neuron.
    reset : "subtract" or "zero"
    fraction : int
        Bits behind the point: a delivery adds its weight times 2**fraction. A weight that is no
        whole number is rounded then, a half up.
    tick_us : int
        Microseconds of a tick, in which elapsed time is counted; a power of two.
    refractory_us : float
        Absolute refractory time, whole microseconds.

    Examples
    --------
    >>> from eventsnn.neurons import IntegerLIF
    >>> IntegerLIF(tau_us=20_000, threshold=1_000, fraction=3).threshold
    1000
    """

    kind: ClassVar[str] = "integer_lif"
    one_clock: ClassVar[bool] = True
    whole: ClassVar[bool] = True
    in_state: ClassVar[tuple[str, ...]] = ("threshold",)
    tau_us: float = math.inf
    threshold: Thresholds = 256
    reset: Reset = "subtract"
    fraction: int = 8
    tick_us: int = 1
    refractory_us: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        check_clock(self)
        check_thresholds(self, MOST)
        base.check_reset(self.reset, self.kind)
        base.check_refractory(self)

    @property
    def multiplications(self) -> int:  # type: ignore[override]
        """Multiplications of an update."""
        return int(math.isfinite(self.tau_us))

    @cached_property
    def decays(self) -> DecayRows:
        """The decay table."""
        return decay_rows(self.tau_us, self.tick_us)

    def of(self, unit: int) -> IntegerLIF:
        """Return the model of one neuron."""
        if isinstance(self.threshold, int):
            return self
        return replace(self, threshold=self.threshold[unit % len(self.threshold)])

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Decay, add, test; see the head of this file."""
        v, ready = int(self.now(cell, t)[0]), cell.times[1]
        for weight in weights if t >= ready else ():
            v += shifted(weight, self.fraction)
        cell.x[0], cell.times[0] = float(v), t
        threshold = self.threshold
        assert isinstance(threshold, int)
        if t < ready or v < threshold:
            return None
        cell.x[0] = float(v - threshold) if self.reset == "subtract" else 0.0
        cell.times[1] = t + self.refractory_us
        return float(v)

    def now(self, cell: Cell, t: float) -> list[float]:
        """Return the potential at ``t`` if nothing arrives until then."""
        ticks = int(t) // self.tick_us - int(cell.times[0]) // self.tick_us
        return [float(decayed(int(cell.x[0]), factor(ticks, self.decays)))]

    def table(self) -> NDArray[np.float64]:
        """Return what the kernels read."""
        many = (self.threshold,) if isinstance(self.threshold, int) else tuple(self.threshold)
        subtract, shift = self.reset == "subtract", self.tick_us.bit_length() - 1
        head = [subtract, self.refractory_us, 1 << self.fraction, shift, len(many)]
        return np.array([*head, *many, *flat(self.decays)], np.float64)

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return kernels.compiled(dtype)


def shifted(weight: float, fraction: int) -> int:
    """Return a weight in units of the potential; a half goes up."""
    return math.floor(weight * (1 << fraction) + 0.5)
