"""Adam, with decoupled weight decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from eventsnn.optimizers import kernels as kernel
from eventsnn.optimizers.applied import applied, zeros
from eventsnn.optimizers.optimizer import (
    Gradients,
    Optimizer,
    Param,
    Params,
    Rate,
    State,
    check,
    check_rate,
)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015) with decoupled weight decay (AdamW, Loshchilov & Hutter 2019).

    Attributes
    ----------
    rate : float
        Learning rate of ``step`` where it is given none.
    beta1, beta2 : float
        Memory of the mean and of the mean square of the gradients.
    epsilon : float
    weight_decay : float
        Share of a weight lost in an update, times the rate.

    Examples
    --------
    >>> import numpy as np
    >>> from eventsnn import Adam
    >>> optimizer, weights = Adam(rate=0.1), {"w": np.ones(2, np.float32)}
    >>> state = optimizer.begin(weights)
    >>> weights, state = optimizer.step({"w": np.array([5.0, -2.0])}, state, weights)
    >>> weights["w"].round(3), state.step
    (array([0.9, 1.1], dtype=float32), 1)
    """

    kind: ClassVar[str] = "adam"
    options: ClassVar[tuple[str, ...]] = ("weight_decay",)

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        check_rate(self.rate)
        for name in ("beta1", "beta2"):
            check(0 <= getattr(self, name) < 1, name, getattr(self, name), "0 or more, below 1")
        check(self.epsilon > 0, "epsilon", self.epsilon, "a number above 0")
        check(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")

    def init(self, params: Params) -> State:
        """See ``Optimizer``."""
        return State(0, (zeros(params), zeros(params)))

    def update(
        self,
        gradients: Gradients,
        state: State,
        params: Params,
        rate: Rate,
        *,
        reuse: bool = False,
        threads: int = 1,
    ) -> tuple[list[Param], State]:
        """See ``Optimizer``."""
        step = state.step + 1
        corrections = 1 / (1 - self.beta1**step), 1 / (1 - self.beta2**step)
        settings = (self.beta1, self.beta2, *corrections, self.epsilon, self.weight_decay)
        old, kernels = [list(params), *state.slots], (kernel.adam, kernel.adam_block)
        return applied(kernels, gradients, old, step, (rate, settings, reuse, threads))
