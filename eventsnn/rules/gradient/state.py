"""What changes while a gradient rule learns."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from eventsnn.engines.layered.dense.laid import plain
from eventsnn.network import Network
from eventsnn.optimizers.applied import follow
from eventsnn.optimizers.optimizer import Param
from eventsnn.optimizers.optimizer import State as OptimizerState


@dataclass(frozen=True, eq=False)
class GradientState:
    """A network that learns by gradients.

    Attributes
    ----------
    network : Network
    params : list of float arrays or Laid, in the order of the connections
        What learns, as the rule keeps it.
    optimizer : State
        What the optimizer remembers.
    scales : list of float
        What the rate of each connection is multiplied by; of one that is fixed, 0.
    averaged : list of the same as ``params``, or None
        Their average, if it is asked for.
    progress : float
        Share of the run that is done.
    total : int
        Updates that the run makes.
    last_epoch : float
        Share of the run that is done when its last epoch begins.
    present : dict from connection number to the same as ``params``, or None
        1 where there is a synapse, 0 where there is none; None: not chosen in this epoch.
    scales_of_bits : dict from connection number to the same as ``params``, or None
        Of which each weight is a whole multiple where it is run with few bits; None: not fitted in
        this epoch; empty: the weights are rounded already.
    """

    network: Network
    params: list[Param]
    optimizer: OptimizerState
    scales: list[float]
    averaged: list[Param] | None = None
    progress: float = 0.0
    total: int = 1
    last_epoch: float = 1.0
    present: dict[int, Param] | None = None
    scales_of_bits: dict[int, Param] | None = None

    @property
    def output(self) -> int:
        """The number of the population that is read."""
        return len(self.network.populations) - 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units a population, input first."""
        return tuple(p.size for p in self.network.populations)

    @property
    def weights(self) -> list[NDArray[Any]]:
        """What learns, as arrays."""
        return [plain(p) for p in self.params]

    @property
    def model(self) -> list[NDArray[Any]]:
        """Weights of the network that is evaluated and saved."""
        return self.weights if self.averaged is None else [plain(p) for p in self.averaged]

    def averaging(self, share: float, threads: int) -> GradientState:
        """Let the average follow the weights; a plain mean until that share of the run is done."""
        averaged = self.averaged
        if averaged is None:
            averaged = [p.copy() for p in self.params]
        part = max(1 / self.optimizer.step, -math.expm1(-1 / (share * self.total)))
        follow(averaged, self.params, part, threads)
        return replace(self, averaged=averaged)


def learning_of(network: Network) -> list[int]:
    """Return the populations into which some weights learn, in order; pooling has none."""
    pairs = zip(network.targets, network.connections, strict=True)
    return sorted({target for target, connection in pairs if connection.learns})
