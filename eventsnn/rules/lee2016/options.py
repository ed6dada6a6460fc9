"""Options of the rule of Lee, Delbruck & Pfeiffer (2016)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eventsnn.options import option, take
from eventsnn.rules.rule_options import RuleOptions

_US = "microseconds"
_N_MNIST_TAU = 200_000.0


@dataclass(frozen=True)
class Lee2016Options(RuleOptions):
    """Options of the rule ``lee2016``; the defaults are the paper's for MNIST."""

    rate: float = option(0.004, "Learning rate of the weights.", above=0)
    threshold_rate: float = option(
        0.1, "Learning rate of the thresholds, as a share of the rate; 0: they stay.", least=0
    )
    optimizer: Literal["sgd", "adam"] = option("sgd", "Optimizer; one update a sample.")
    decay_epochs: float = option(
        35.0, "Epochs in which rate and threshold_cost fall to 1/e.", above=0
    )
    tau_us: float = option(20_000.0, "Time constant of the membranes.", unit=_US, above=0)
    refractory_us: int = option(
        1000, "How long an input counts less after a spike.", unit=_US, least=0
    )
    alpha: float = option(
        10.0, "Initial thresholds of the first hidden layer, times sqrt(3 / fan-in).", above=0
    )
    upper_alpha: float = option(3.0, "The same of the other hidden layers.", above=0)
    output_alpha: float = option(10.0, "The same of the output.", above=0)
    inhibition: float = option(
        -0.4,
        "Share of its threshold that a neuron of the first hidden layer loses when another one "
        "fires.",
        least=-1,
        most=0,
    )
    upper_inhibition: float = option(0.0, "The same in the other hidden layers.", least=-1, most=0)
    output_inhibition: float = option(-1.0, "The same in the output.", least=-1, most=0)
    sigma: float = option(0.5, "Share of the inhibition that thresholds learn by.", least=0, most=1)
    weight_cost: float = option(
        0.002, "Cost of squared weights whose sum leaves 1 (lambda).", least=0
    )
    weight_slope: float = option(10.0, "How steeply that cost rises (beta).", above=0)
    threshold_cost: float = option(
        4e-5, "How far thresholds move while hidden neurons fire in training (rho).", least=0
    )
    normalise: bool = option(True, "Give the errors of all layers one size.")
    share_error: bool = option(
        True, "Divide the output's error by the root of how many of its elements are not 0."
    )
    total_rate_hz: float = option(
        5000.0, "Events a second of an image, all pixels together.", unit="Hz", above=0, most=1e6
    )
    present_us: int = option(
        50_000, "How long an image is presented to learn.", unit=_US, least=1, most=1 << 30
    )
    first_us: int = option(
        0, "The same in the first epoch; 0: as long.", unit=_US, least=0, most=1 << 30
    )
    test_us: int = option(
        1_000_000, "How long an image is presented to test.", unit=_US, least=1, most=1 << 30
    )
    crop: int = option(
        300,
        "Consecutive events of a recording that are learned, from a random place; 0: all.",
        least=0,
        flag="--crop-events",
    )
    dtype: Literal["float32", "float64"] = option("float32", "Of weights and potentials.")
    test_seed: int = option(0, "Of the spikes of images in predictions.", least=0)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)

    @classmethod
    def recipe(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults of a run: recordings have longer time constants."""
        found: dict[str, Any] = {} if given["facts"].images else {"tau_us": _N_MNIST_TAU}
        if len(given["layers"]) > 3:
            found |= {"first_us": 200_000, "alpha": 5.0}
        if given.get("optimizer") == "adam":
            found |= {"threshold_rate": 1.0, "rate": 5e-5}
        return found

    def falls(self, epoch: int) -> float:
        """Return what rate and threshold_cost are multiplied by in an epoch, equation (17)."""
        return math.exp(-epoch / self.decay_epochs)
