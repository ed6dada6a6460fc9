"""What can be chosen about deep networks with normalised currents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from eventsnn.losses import losses
from eventsnn.losses.loss import Loss
from eventsnn.neurons.grid_lif import GridLIF
from eventsnn.optimizers import optimizers
from eventsnn.optimizers.optimizer import Optimizer
from eventsnn.optimizers.schedules import Schedule, rate_at
from eventsnn.options import option, take
from eventsnn.rules.ledinauskas2020.lanes import WalkSettings
from eventsnn.rules.rule_options import RuleOptions
from eventsnn.surrogates.fast_sigmoid import FastSigmoid

_ALPHA = {"before": 2.0, "after": 10.0}


def _optimizers() -> tuple[str, ...]:
    return tuple(optimizers())


def _losses() -> tuple[str, ...]:
    """Return the losses that grade counts, and so rates."""
    return tuple(kind for kind, one in losses().items() if one().reads == "counts")


@dataclass(frozen=True)
class NormedOptions(RuleOptions):
    """Options of the rule ``ledinauskas2020``."""

    n_steps: int = option(10, "T, steps of a sample.", least=1, most=1 << 15, flag="--steps")
    input: Literal["constant", "poisson"] = option(
        "constant",
        "Images: intensities as a current, the same in every step, or spikes with their "
        "probability. A recording is cut into steps, in each of which an input fires once at most.",
    )
    decay: float = option(0.9, "What a step leaves of a potential.", above=0, most=1)
    threshold: float = option(1.0, "Potential at which a neuron fires.", above=0)
    reset: Literal["hard", "soft"] = option(
        "hard", "A spike sets the potential to 0, or takes the threshold away."
    )
    detached: bool = option(False, "Nothing goes back through the reset.")
    alpha: float = option(
        0.0,
        "Steepness of the surrogate 1 / (1 + alpha |u - threshold|)^2. 0: 2, or 10 where "
        "shortcut is after.",
        least=0,
    )
    shortcut: Literal["before", "after"] = option(
        "before",
        "What skips layers as it is ([...]) is added to the current of a neuron, or to its spikes.",
    )
    norm: Literal["pooled", "per-step", "none"] = option(
        "pooled",
        "Batch normalisation of currents: statistics over samples, positions and steps, or of each "
        "step; none: a bias alone.",
    )
    momentum: float = option(
        0.1, "How far running statistics go towards those of a batch.", above=0, most=1
    )
    epsilon: float = option(1e-5, "Added to variances.", above=0)
    loss: str = option("cross-entropy", "Loss, of the mean of the readout.", choices=_losses)
    gain: float = option(1.0, "Scores a unit of the readout, of the cross-entropy.", above=0)
    batch: int = option(64, "Samples an update.", least=1)
    optimizer: str = option("adam", "Optimizer.", choices=_optimizers)
    rate: float = option(0.002, "Largest learning rate.", above=0)
    schedule: Schedule = option("cosine", "How the learning rate falls.")
    warmup: float = option(
        0.3, "Share of the run in which the rate rises to its largest.", least=0, below=1
    )
    weight_decay: float = option(
        0.001, "Decoupled: share of a weight lost in an update, times the rate.", least=0
    )
    dtype: Literal["float32", "float64"] = option("float32", "Of all state.")

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)
        self.make_loss()
        self.make_optimizer()
        self.neuron()

    def make_loss(self) -> Loss:
        """Return the loss, with the parameters that it takes from here."""
        kind = losses()[self.loss]
        return kind(**{name: getattr(self, name) for name in kind.options if hasattr(self, name)})

    def make_optimizer(self) -> Optimizer:
        """Return the optimizer, with the parameters that it takes from here."""
        kind = optimizers()[self.optimizer]
        return kind(**{name: getattr(self, name) for name in kind.options if hasattr(self, name)})

    def neuron(self) -> GridLIF:
        """Return the neurons of every hidden layer."""
        soft = self.reset == "soft"
        taken = self.threshold / self.decay if soft else 0.0
        return GridLIF(1.0, self.decay, self.threshold, float(soft), taken)

    @property
    def steepness(self) -> float:
        """The alpha of the surrogate."""
        return self.alpha or _ALPHA[self.shortcut]

    @property
    def real(self) -> Any:
        """The numpy type of all state."""
        return np.dtype(self.dtype).type

    def settings(self, threads: int = 1) -> WalkSettings:
        """Return what the walk reads."""
        return WalkSettings(
            self.n_steps,
            self.decay,
            self.reset == "soft",
            self.detached,
            FastSigmoid(1 / self.steepness),
            self.epsilon,
            self.norm,
            self.real,
            threads,
        )

    def rate_in(self, done: int, total: int) -> float:
        """Return the learning rate after so many of all updates; the one-cycle of AdamW runs."""
        progress = min((done + 1) / max(total, 1), 1.0)
        return rate_at(self.schedule, self.rate, progress, self.warmup)

    @classmethod
    def recipe(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults of a run."""
        return {"epochs": 10}
