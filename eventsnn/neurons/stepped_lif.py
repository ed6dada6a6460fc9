"""Leaky integrate-and-fire on a grid of steps: two exponentials, refractory steps.

The neuron of Jin, Zhang & Li (2018) as their program runs it. At every step, in this order:

    v <- v (1 - step / tau_mem)        a <- a (1 - step / tau_syn)
    a <- a + what was delivered        v <- v + a step / tau_syn
    v <- 0 in the ``refractory_steps`` after a spike
    a spike where v > threshold - slack; it sets v to 0

The synaptic current a is never reset. What is delivered between two steps counts at the next. The
membrane rises without events, too: the next spike is found by going on step by step, as long as
the current can still lift the membrane to the threshold. The value recorded with a spike is v
just before the reset.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.neurons import neuron as base
from eventsnn.neurons.neuron import Cell, Kernels, Neuron
from eventsnn.neurons.stepped_lif_kernels import NEAR, compiled

MOST_STEPS = 10_000
"""Of a time constant: the search for the next spike is about as long."""


@dataclass(frozen=True)
class SteppedLIF(Neuron):
    """Leaky integrate-and-fire of two exponentials, on a grid of steps.

    Attributes
    ----------
    tau_mem_us, tau_syn_us : float
        Time constants in microseconds, 1 to ``MOST_STEPS`` steps each.
    threshold : float
        > 0, in the units of the weights.
    step_us : float
        Of the grid, whole microseconds: the steps are its multiples.
    refractory_steps : int
        Steps after a spike in which the membrane is held at 0.
    slack : float
        How far below the threshold the membrane fires: against the noise of sums.
    """

    kind: ClassVar[str] = "stepped_lif"
    predicts: ClassVar[bool] = True
    in_state: ClassVar[tuple[str, ...]] = ("threshold",)
    multiplications: ClassVar[int] = 3
    variables: ClassVar[tuple[str, ...]] = ("v", "current", "delivered")
    times: ClassVar[tuple[str, ...]] = ("clock", "held", "next")
    tau_mem_us: float
    tau_syn_us: float
    threshold: float = 1.0
    step_us: float = 1000.0
    refractory_steps: float = 2.0
    slack: float = 1e-6

    def __post_init__(self) -> None:
        """Check the parameters."""
        base.check_positive(self, "tau_mem_us", "tau_syn_us", "threshold", "step_us")
        for name in ("step_us", "refractory_steps"):
            base.check_refractory(self, name)
        slack = base.real_number(self, "slack")
        if not 0 <= slack < self.threshold:
            raise UserError(
                f"neuron stepped_lif: slack is {slack}; give 0 or more, below the threshold"
            )
        for name in ("tau_mem_us", "tau_syn_us"):
            if not self.step_us <= getattr(self, name) <= MOST_STEPS * self.step_us:
                raise UserError(
                    f"neuron stepped_lif: {name} is {getattr(self, name)}; give 1 to {MOST_STEPS} "
                    f"steps of {self.step_us} microseconds"
                )

    @property
    def constants(self) -> tuple[float, float, float, float]:
        """(decay of v a step, decay of a, share of a that v gains, v beyond which it fires)."""
        gain = self.step_us / self.tau_syn_us
        return 1 - self.step_us / self.tau_mem_us, 1 - gain, gain, self.threshold - self.slack

    def start(self) -> Cell:
        """Return a neuron at rest, before step 0."""
        return Cell([0.0, 0.0, 0.0], [-self.step_us, -math.inf, math.inf])

    def next_spike(self, cell: Cell) -> float:
        """Return the predicted spike."""
        return cell.times[2]

    def receive(self, cell: Cell, t: float, weights: Sequence[float], due: bool) -> float | None:
        """Make the steps before ``t``, add the weights, make the step at ``t`` and test it."""
        on_grid = self._bring_up(cell, t)
        for weight in weights:
            cell.x[2] += weight
        fired = None
        if on_grid and cell.times[0] < t:
            v = self._step(cell)
            if v > self.constants[3]:
                fired, cell.x[0] = v, 0.0
                cell.times[1] = t + self.refractory_steps * self.step_us
        cell.times[2] = self._predicted(cell)
        return fired

    def now(self, cell: Cell, t: float) -> list[float]:
        """Return (v, current, delivered) at ``t``, before a step that falls on it."""
        ahead = Cell(list(cell.x), list(cell.times))
        self._bring_up(ahead, t)
        return ahead.x

    def _bring_up(self, cell: Cell, t: float) -> bool:
        """Make the steps before ``t``; return whether one falls on it."""
        number = math.floor(t / self.step_us)
        on_grid = number * self.step_us == t
        while cell.times[0] < (number - on_grid) * self.step_us:
            self._step(cell)
        return on_grid

    def _step(self, cell: Cell) -> float:
        """Make one step; return v."""
        keep, decay, gain, _ = self.constants
        v, current, delivered = cell.x
        cell.times[0] += self.step_us
        current = current * decay + delivered
        v = 0.0 if cell.times[0] <= cell.times[1] else v * keep + current * gain
        cell.x[:] = v, current, 0.0
        return v

    def _predicted(self, cell: Cell) -> float:
        """Return the step at which the neuron fires if nothing more arrives; inf: never."""
        ahead = Cell(list(cell.x), list(cell.times))
        limit = self.constants[3]
        # From here on v gains less than what is left of the current, all at once.
        while _most(*ahead.x) > NEAR * limit or ahead.x[2]:
            if self._step(ahead) > limit:
                return ahead.times[0]
            if ahead.x[1] <= 0:
                break
        return math.inf

    def table(self) -> NDArray[np.float64]:
        """Return what the kernels read: constants, step, refractory microseconds."""
        held = self.refractory_steps * self.step_us
        return np.array([*self.constants, self.step_us, held], np.float64)

    @classmethod
    def kernels(cls, dtype: Any) -> Kernels:
        """Return the compiled entry points."""
        return compiled(dtype)


def _most(v: float, current: float, delivered: float) -> float:
    """Return what v stays below if nothing more arrives."""
    return max(v, 0.0) + max(current + delivered, 0.0)
