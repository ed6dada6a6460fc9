"""What decides a run of HM2-BP, beside the data and the sizes of the layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsnn.data.facts import Facts
from eventsnn.errors import UserError
from eventsnn.neurons.stepped_lif import MOST_STEPS, SteppedLIF
from eventsnn.options import inline, option, take
from eventsnn.rules.hm2bp.grading import Wanted
from eventsnn.rules.hm2bp.update import Stepping
from eventsnn.rules.rule_options import RuleOptions

MOST_GRID = 1 << 20
"""Steps of a sample: more are told apart by no float32."""

_FALLS = ("sqrt", "sqrt-at-once", "constant")


@dataclass(frozen=True)
class GridOptions:
    """The grid of steps and the neurons on it."""

    grid_steps: int = option(
        400, "T, the steps of a sample; what comes later is dropped.", least=2, most=MOST_GRID
    )
    step_us: int = option(
        1000,
        "Length of a step: events of a recording are put into bins of it.",
        unit="microseconds",
        least=1,
        most=1 << 30,
    )
    tau_mem_steps: float = option(
        64.0, "Time constant of the membrane, in steps.", least=1, most=MOST_STEPS
    )
    tau_syn_steps: float = option(
        8.0, "Time constant of the synaptic current, in steps.", least=1, most=MOST_STEPS
    )
    refractory_steps: int = option(
        2,
        "Steps after a spike in which the membrane is held at 0; also the lag of an S-PSP.",
        least=1,
        most=1000,
    )
    threshold: float = option(20.0, "Potential at which a hidden neuron fires.", above=0)
    output_threshold: float = option(8.0, "Threshold of the outputs.", above=0)
    conv_threshold: float = option(5.0, "Threshold of convolutions.", above=0)
    pool_threshold: float = option(2.0, "Threshold of pooling neurons, in spikes.", above=0)
    inhibition: float = option(
        1.0, "Strength with which outputs inhibit each other; 0: not at all.", least=0, most=1000
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)
        if self.tau_syn_steps >= self.tau_mem_steps:
            raise UserError(
                f"tau_syn_steps is {self.tau_syn_steps:g}; give less than tau_mem_steps, "
                f"{self.tau_mem_steps:g}"
            )

    def neuron(self, threshold: float, guarded: bool = True) -> SteppedLIF:
        """Return a neuron; ``guarded`` ones fire a little below their threshold."""
        step = self.step_us
        mem, syn = self.tau_mem_steps * step, self.tau_syn_steps * step
        slack = min(1e-6, threshold / 2) if guarded else 0.0
        return SteppedLIF(mem, syn, threshold, float(step), float(self.refractory_steps), slack)


@dataclass(frozen=True)
class EncodeOptions:
    """How samples become spike trains."""

    stabilize: bool = option(False, "Take the three saccades of N-MNIST off the places of events.")
    redraw: bool = option(
        False,
        "Draw the train of a training image anew at each presentation; else it is drawn once.",
    )
    distort: bool = option(
        False,
        "Distort training images, anew each epoch: elastic, scaled by 12 %, turned by 12 degrees.",
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)


@dataclass(frozen=True)
class HM2BPOptions(RuleOptions):
    """Options of the rule ``hm2bp``; the defaults are those of the authors' MNIST network."""

    target_spikes: float = option(35.0, "Spikes wanted of the true class.", least=1, most=1 << 20)
    other_spikes: float = option(5.0, "Spikes wanted of the other classes.", least=0, most=1 << 20)
    margin: float = option(5.0, "Differences up to it are no error.", least=0, most=1 << 20)
    effect_ratio: bool = option(
        True, "Scale errors of dense layers by e / o on the way down; else by 1."
    )
    side_effect: bool = option(True, "Account for the effect of a neuron's own count on its S-PSP.")
    lateral_factor: bool = option(True, "Account for outputs that inhibit each other.")
    sample_weights: bool = option(
        True, "After each epoch, weigh samples that were wrong more than before."
    )
    optimizer: str = option("adam", "Optimizer.", choices=("adam", "sgd"))
    rate: float = option(0.001, "Learning rate of the first epoch.", above=0)
    rate_fall: str = option(
        "sqrt",
        "How the rate falls: by the square root of the epoch from 0 (at least 1), of the epoch "
        "from 1, or not.",
        choices=_FALLS,
    )
    momentum: float = option(0.9, "Of sgd.", least=0, below=1)
    decay_strength: float = option(10.0, "Lambda of the weight regulariser; 0: none.", least=0)
    decay_beta: float = option(0.04, "Beta of the weight regulariser.", least=0, most=100)
    init_range: float = option(1.0, "Initial weights of dense layers are drawn up to it.", above=0)
    init_conv_range: float = option(0.5, "Those of convolutions.", above=0)
    reservoir_draws: int = option(
        32, "Neurons of a fixed reservoir that each input drives.", least=1, most=1 << 20
    )
    reservoir_weight: float = option(8.0, "Size of the weights into a fixed reservoir.", above=0)
    grid: GridOptions = inline(GridOptions)
    encode: EncodeOptions = inline(EncodeOptions)
    seed: int = option(0, "Of the trains of images.", least=-(1 << 63), most=(1 << 64) - 1)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)
        least = self.grid.refractory_steps * self.target_spikes
        if self.grid.grid_steps < least:
            raise UserError(
                f"grid_steps is {self.grid.grid_steps}; give at least target_spikes times "
                f"refractory_steps, {least:g}"
            )

    @classmethod
    def recipe(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the authors' settings for images, recordings and convolutions."""
        known: dict[str, Any] = {"grid_steps": 400, "step_us": 1000}
        facts: Facts = given["facts"]
        if not facts.images:
            step_us = 600 if facts.of_digits else max(math.ceil(facts.longest_us / 540), 1)
            known = {
                "grid_steps": 540, "step_us": step_us, "stabilize": facts.of_digits,
                "threshold": 15.0, "output_threshold": 15.0, "decay_beta": 0.01,
            }  # fmt: skip
        if any("c" in str(part) for part in given["layers"]):
            known |= {
                "threshold": 10.0, "output_threshold": 10.0, "decay_strength": 0.0,
                "rate_fall": "sqrt-at-once",
            }  # fmt: skip
        return known

    def wanted(self, threshold: float) -> Wanted:
        """Return how outputs of that threshold are graded."""
        lateral = self.grid.inhibition if self.lateral_factor else 0.0
        return Wanted(self.target_spikes, self.other_spikes, self.margin, lateral, threshold)

    def rate_at(self, epoch: int) -> float:
        """Return the learning rate in an epoch, counted from 0."""
        falls = {"sqrt": max(1, epoch), "sqrt-at-once": epoch + 1, "constant": 1}
        return float(self.rate / falls[self.rate_fall] ** 0.5)

    def stepping(self, step: int, rate: float) -> Stepping:
        """Return how weights move in update number ``step``, from 1."""
        adam = self.optimizer == "adam"
        keep = (0.9, 0.999) if adam else (self.momentum, 0.0)
        return Stepping(
            adam,
            np.float32(rate),
            (np.float32(keep[0]), np.float32(keep[1])),
            (np.float32(1 / (1 - 0.9**step)), np.float32(1 / (1 - 0.999**step))),
            np.float32(1e-8),
            self.decay_strength,
            self.decay_beta,
        )
