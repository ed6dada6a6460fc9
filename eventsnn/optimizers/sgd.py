"""Gradient descent with momentum."""

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
class SGD(Optimizer):
    """Gradient descent with momentum, and decoupled weight decay.

    Attributes
    ----------
    rate : float
        Learning rate of ``step`` where it is given none.
    momentum : float
        Share of the last step that is kept (Polyak).
    weight_decay : float
        Share of a weight lost in an update, times the rate.

    Examples
    --------
    >>> import numpy as np
    >>> from eventsnn import SGD
    >>> optimizer, weights = SGD(momentum=0.0), {"w": np.ones(2, np.float32)}
    >>> state = optimizer.begin(weights)
    >>> weights, state = optimizer.step({"w": np.array([1.0, -1.0])}, state, weights, rate=0.1)
    >>> weights["w"]
    array([0.9, 1.1], dtype=float32)
    """

    kind: ClassVar[str] = "sgd"
    options: ClassVar[tuple[str, ...]] = ("momentum", "weight_decay")

    rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        check_rate(self.rate)
        check(0 <= self.momentum < 1, "momentum", self.momentum, "0 or more, below 1")
        check(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")

    def init(self, params: Params) -> State:
        """See ``Optimizer``."""
        return State(0, (zeros(params),))

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
        settings = self.momentum, self.weight_decay
        old, how = [list(params), *state.slots], (rate, settings, reuse, threads)
        return applied((kernel.sgd, kernel.sgd_block), gradients, old, state.step + 1, how)
