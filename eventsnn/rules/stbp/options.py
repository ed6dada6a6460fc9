"""What can be chosen about STBP."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from eventsnn.data.facts import Facts
from eventsnn.errors import UserError
from eventsnn.losses import losses
from eventsnn.losses.loss import Loss
from eventsnn.neurons.grid_lif import GridLIF
from eventsnn.optimizers import optimizers
from eventsnn.optimizers.optimizer import Optimizer
from eventsnn.options import Form, option, take
from eventsnn.rules.rule_options import RuleOptions
from eventsnn.rules.stbp.backward import FULL, PRINTED, SPATIAL
from eventsnn.surrogates import surrogates
from eventsnn.surrogates.surrogate import Surrogate
from eventsnn.text import shown

_CARRIED = {"true": FULL, "printed": PRINTED, "false": SPATIAL}


def _surrogates() -> tuple[str, ...]:
    return tuple(surrogates())


def _optimizers() -> tuple[str, ...]:
    return tuple(optimizers())


def _losses() -> tuple[str, ...]:
    """Return the losses that grade counts, and so rates."""
    return tuple(kind for kind, one in losses().items() if one().reads == "counts")


def _temporal(value: Any) -> str:
    word = str(value).lower() if isinstance(value, bool) else value
    if word not in _CARRIED:
        raise UserError(f"temporal is {shown(value)}; give {TEMPORAL.remedy}")
    return str(word)


TEMPORAL = Form((bool, str), 'true, false or "printed"', _temporal)


@dataclass(frozen=True)
class STBPOptions(RuleOptions):
    """Options of the rule ``stbp``."""

    n_steps: int = option(30, "T, steps of a sample.", least=1, most=1 << 15, flag="--steps")
    step_us: int = option(
        0,
        "Length of a step of a recording; events behind the last step are not seen. 0: the "
        "recording is cut into so many equal parts.",
        unit="microseconds",
        least=0,
        most=1 << 40,
    )
    in_a_step: Literal["once", "count"] = option(
        "once", "Events of one input within a step: one spike, or as many as there are."
    )
    decay: float = option(0.2, "What a step leaves of a potential.", above=0, most=1)
    threshold: float = option(0.5, "Potential at which a neuron fires.", above=0)
    form: Literal["linear", "exact"] = option(
        "linear",
        "f of a spike o: decay (1 - o), of the authors' programs, or decay exp(-o / decay), of the "
        "paper.",
    )
    temporal: str = option(
        "true",
        "What goes back through time: true, the chain rule; printed, the leak of one step, as the "
        "paper's equation (20) has it; false, nothing (SDBP).",
        form=TEMPORAL,
    )
    surrogate: str = option("rectangle", "Slope in place of that of a spike.", choices=_surrogates)
    width: float = option(1.0, "Its width, see its file.", above=0)
    bias: bool = option(True, "Every neuron (every channel) has a bias that learns.")
    init: Literal["rows", "uniform"] = option(
        "rows",
        "Initial weights: rows, uniform in [-1, 1] and divided by the norm of what a neuron "
        "receives, biases 0 (equations 29 and 30); uniform, both within 1 / sqrt(fan-in).",
    )
    loss: str = option("mean-square", "Loss, of spikes a step.", choices=_losses)
    gain: float = option(10.0, "Scores a spike a step, of the cross-entropy.", above=0)
    batch: int = option(100, "Samples an update.", least=1)
    optimizer: str = option("adam", "Optimizer.", choices=_optimizers)
    rate: float = option(0.001, "Learning rate.", above=0)
    rate_factor: float = option(0.1, "What the rate is multiplied by.", above=0, most=1)
    rate_every: int = option(
        0, "Epochs from one time to the next, counted as the authors do; 0: never.", least=0
    )
    momentum: float = option(0.0, "Of sgd.", least=0, below=1)
    weight_decay: float = option(
        0.0, "Decoupled: share of a weight lost in an update, times the rate.", least=0
    )
    dtype: Literal["float32", "float64"] = option("float32", "Of all state.")
    walk: Literal["auto", "sweep", "records"] = option(
        "auto",
        "Errors of a layer below: of all neurons of a step together, or at those in the "
        "surrogate's window alone; no bit depends on it.",
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)
        self.make_surrogate()
        self.make_loss()
        self.make_optimizer()
        self.neuron()

    def make_surrogate(self) -> Surrogate:
        """Return the surrogate."""
        return surrogates()[self.surrogate](self.width)

    def make_loss(self) -> Loss:
        """Return the loss, with the parameters that it takes from here."""
        kind = losses()[self.loss]
        return kind(**{name: getattr(self, name) for name in kind.options if hasattr(self, name)})

    def make_optimizer(self) -> Optimizer:
        """Return the optimizer, with the parameters that it takes from here."""
        kind = optimizers()[self.optimizer]
        return kind(**{name: getattr(self, name) for name in kind.options if hasattr(self, name)})

    def neuron(self) -> GridLIF:
        """Return the neurons of every layer."""
        return GridLIF(max(self.step_us, 1), self.decay, self.threshold, self.residue)

    @property
    def residue(self) -> float:
        """What a spike leaves of a potential, before the next step."""
        return math.exp(-1 / self.decay) if self.form == "exact" else 0.0

    @property
    def carried(self) -> int:
        """What goes back through time, as ``backward.turn_back`` has it."""
        return _CARRIED[self.temporal]

    @property
    def real(self) -> Any:
        """The numpy type of all state."""
        return np.dtype(self.dtype).type

    def rate_in(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0.

        As the authors' programs, which multiply behind epochs 40 and 80: epoch 41 is the first
        with a smaller rate.
        """
        falls = max(epoch - 1, 0) // self.rate_every if self.rate_every else 0
        return self.rate * self.rate_factor**falls

    @classmethod
    def recipe(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults of a run: images are presented longer than recordings are cut."""
        facts: Facts = given["facts"]
        if facts.images:
            return {"epochs": 10}
        longer = math.ceil(facts.longest_us / (1000 * given.get("n_steps", cls.n_steps))) * 1000
        return {"epochs": 30, "step_us": 10_000 if facts.times_usual == 1 else longer}
