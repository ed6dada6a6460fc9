"""Leaky integrate-and-fire with graded refractoriness and a group that inhibits itself.

After Lee, Delbruck & Pfeiffer (2016), equations (1) to (5). At an instant with deliveries

    v <- v exp(-dt / tau)
    v <- max(v + g w, -threshold)                for each weight, in their order

with g = ((t - hit) / refractory)^2 while t - hit < refractory and else 1, where ``hit`` is when the
neuron last fired, or was last inhibited. It fires if v >= threshold, and the threshold is taken
from v. Whoever fires takes every other neuron of its group down:

    v <- max(v + inhibition threshold, -threshold),   hit <- t

once for each of them. The recorded value is v before the reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.neurons import graded_lif_kernels as kernels
from eventsnn.neurons import neuron as base
from eventsnn.neurons.neuron import Cell, Kernels, Membrane, Neuron
from eventsnn.text import shown


@dataclass(frozen=True)
class GradedLIF(Neuron):
    """Leaky integrate-and-fire, refractory by degrees, winner takes all.

    Attributes
    ----------
    tau_us : float
        Membrane time constant in microseconds, > 0.
    threshold : float
        > 0, in the units of the weights.
    refractory_us : float
        How long deliveries count less after a spike, whole microseconds.
    inhibition : float
        -1 to 0: share of its threshold that a neuron loses when another of its group fires;
        0: there are no groups.
    group : int
        Neighbours that inhibit each other; 0: the whole population.
    """

    kind: ClassVar[str] = "graded_lif"
    in_state: ClassVar[tuple[str, ...]] = ("threshold",)
    multiplications: ClassVar[int] = 1
    times: ClassVar[tuple[str, ...]] = ("clock", "hit")
    tau_us: float
    threshold: float = 1.0
    refractory_us: float = 1000.0
    inhibition: float = 0.0
    group: int = 0

    def __post_init__(self) -> None:
        """Check the parameters."""
        base.check_positive(self, "tau_us", "threshold")
        base.check_refractory(self)
        if not -1 <= base.real_number(self, "inhibition") <= 0:
            raise UserError(
                f"neuron {self.kind}: inhibition is {self.inhibition}; give a number from -1 to 0"
            )
        size: Any = self.group
        if isinstance(size, bool | np.bool_) or not isinstance(size, int | np.integer) or size < 0:
            raise UserError(
                f"neuron {self.kind}: group is {shown(size)}; give a whole number, 0 or more"
            )
        object.__setattr__(self, "group", int(size))

    @cached_property
    def decays(self) -> NDArray[np.float64]:
        """Decay table of the potential."""
        return base.decay_table(self.tau_us)

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Decay, add each weight, test once; see the head of this file."""
        v, share = cell.x[0] * base.decay(t - cell.times[0], self.tau_us, self.decays), 1.0
        if t - cell.times[1] < self.refractory_us:
            share = (t - cell.times[1]) / self.refractory_us
            share *= share
        for weight in weights:
            v = max(v + share * weight, -self.threshold)
        cell.x[0], cell.times[0] = v, t
        if v < self.threshold:
            return None
        cell.x[0], cell.times[1] = v - self.threshold, t
        return v

    def lateral(self, cells: Sequence[Cell], t: float, fired: Sequence[int]) -> None:
        """Let those that fired inhibit the others of their groups."""
        size = self.group or len(cells)
        for winner in fired if self.inhibition else ():
            first = winner // size * size
            for other in range(first, min(first + size, len(cells))):
                cell = cells[other]
                if other == winner:
                    continue
                v = cell.x[0] * base.decay(t - cell.times[0], self.tau_us, self.decays)
                cell.x[0] = max(v + self.inhibition * self.threshold, -self.threshold)
                cell.times[:] = [t, t]

    @cached_property
    def membrane(self) -> Membrane:
        """Return what the adjoint learns by: the leak, without the refractory time or the group."""
        return Membrane(self.tau_us, self.threshold)

    def lowered(self, share: float) -> GradedLIF:
        """Return the model with that share of its threshold."""
        return replace(self, threshold=share * self.threshold)

    def table(self) -> NDArray[np.float64]:
        """Return what the kernels read."""
        head = [self.tau_us, self.threshold, self.refractory_us, self.inhibition, self.group]
        return np.concatenate([np.array(head, np.float64), self.decays])

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return kernels.compiled(dtype)
