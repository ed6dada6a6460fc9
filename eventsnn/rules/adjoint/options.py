"""Options of the spike adjoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eventsnn.data.facts import Facts, augmentation_for, batch_for
from eventsnn.network.layer_string import parts_of
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron, Reset
from eventsnn.options import option
from eventsnn.rules.gradient.options import GradientOptions, check

_MOST_SPIKES, _MOST_TIMES = 4.0, 4.0
"""Spikes a neuron at the start, and times the usual length, that recipes follow at most."""


@dataclass(frozen=True)
class AdjointOptions(GradientOptions):
    """Options of the rule ``adjoint``."""

    of_layers = (*GradientOptions.of_layers, "reset", "leak")

    dropout: float = option(
        0.2,
        "Share of the hidden neurons that is silenced, drawn anew for each recording.",
        least=0,
        below=1,
    )
    dropout_at: Literal["all", "last"] = option(
        "all", "Hidden populations in which it is: all that learn, or the last of them."
    )
    spike_cost: float = option(0.0, "Loss a hidden spike of a recording.", least=0, most=1e6)
    spike_target: float = option(
        0.0,
        "Spikes a neuron and recording that each population that learns is drawn to: "
        "with r of them a spike costs spike_cost * (r / spike_target - 1), so that it pays where "
        "there are fewer; 0: every spike costs spike_cost.",
        least=0,
    )
    spike_fall: float = option(
        0.0,
        "Share of the run in which that target falls, geometrically, from init_spikes.",
        least=0,
        below=1,
    )
    near_threshold: float = option(
        0.0,
        "Share of the threshold from which on a neuron that stays silent learns nevertheless; "
        "0: none does.",
        least=0,
        below=1,
        former=("near",),
    )
    near_threshold_weight: float = option(
        1.0, "How much, beside one that fired.", least=0, former=("near_weight",)
    )
    reset: Reset = option(
        "subtract", "What a spike does to the potential: the threshold is taken from it, or all."
    )

    leak: bool = option(
        True, "Whether hidden neurons forget, by tau_us; without, nothing is ever decayed."
    )
    operation_cost: float = option(
        0.0,
        "Weight, in thresholds, that a synapse of a dense layer must have for each time its sender "
        "speaks in a recording; with less it is pruned.",
        least=0,
        most=1e6,
    )
    synapses: float = option(
        1.0,
        "Share of the synapses of dense hidden layers that is left: the others are pruned, and "
        "grow again where the gradient is greatest.",
        above=0,
        most=1,
    )
    synapses_fall: float = option(
        0.7,
        "Share of the run in which it falls to that, at most up to its last epoch.",
        least=0,
        below=1,
    )
    bits: int = option(
        0,
        "Bits of the weights with which it is run while it learns, for eventsnn quantize with as "
        "many; 0: floats.",
        least=0,
        most=16,
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        super().__post_init__()
        check(
            not (self.prunes and self.average),
            "average",
            self.average,
            "0: an average of weights has no zeros to prune",
        )
        signs = self.bits == 1 and self.prunes
        check(not signs, "bits", self.bits, "2 or more: of one bit there are no zeros to prune")
        placed = self.dropout_at == "all" or self.dropout > 0
        check(placed, "dropout_at", self.dropout_at, "dropout too, or leave it out")
        aimless = self.spike_target > 0 and self.spike_cost == 0
        check(not aimless, "spike_target", self.spike_target, "spike_cost too, which draws to it")
        fixed = self.spike_fall > 0 and not self.spike_target
        check(not fixed, "spike_fall", self.spike_fall, "spike_target too, which it falls to")

    @property
    def prunes(self) -> bool:
        """Whether synapses are pruned."""
        return self.operation_cost > 0 or self.synapses < 1

    @classmethod
    def recipe(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults of a run; ``docs/explanation/decisions-rules.md`` argues them."""
        facts: Facts = given["facts"]
        if given.get("online"):
            return cls._for_longer(facts, {}) | {
                "near_threshold": 0.7,
                "batch": 1,
                "dropout": 0.0,
                "rate": 0.0005,
                "average": 0.1,
                "silent_pull": 0.0,
            }
        usual = {"near_threshold": 0.7, "shift": 1.3, "rotate": 8.0, "scale": 0.08, "drop": 0.05}
        network = given.get("network")
        placed = network and any(hasattr(c.topology, "out_shape") for c in network.connections)
        if not placed and all(part.kind == "dense" for part in parts_of(given["layers"])):
            usual |= {"elastic": 0.7, "scatter": 0.5}
        else:
            usual |= {
                "batch": 32,
                "rate": 0.001,
                "output_rate": 0.3,
                "init_output": 0.001,
                "init_spikes": 0.15,
                "spike_cost": 1e-6,
                "dropout": 0.0,
                "elastic": 0.5,
            }
        batch = {"batch": batch_for(facts, int(usual.get("batch", cls.batch)))}
        return augmentation_for(facts, usual) | cls._for_longer(facts, usual) | batch

    @classmethod
    def _for_longer(cls, facts: Facts, usual: dict[str, Any]) -> dict[str, Any]:
        """Return what follows the length of recordings that are longer than filmed digits."""
        times = facts.times_usual
        if times == 1.0:
            return {}
        spikes = usual.get("init_spikes", cls.init_spikes) * times
        return {
            "init_spikes": round(min(spikes, _MOST_SPIKES), 2),
            "tau_us": round(cls.tau_us * math.sqrt(min(times, _MOST_TIMES)), -3),
            "spike_cost": 0.0,
        }

    def hidden(self) -> Neuron:
        """Return the neuron model of hidden populations."""
        if not self.leak:
            return IF(self.threshold, self.reset, self.refractory_us)
        return LIF(self.tau_us, self.threshold, self.reset, self.refractory_us)

    def spike_target_at(self, progress: float) -> float:
        """Return the target of spikes when that share of the run is done; 0 if there is none."""
        left = max(0.0, 1 - progress / self.spike_fall) if self.spike_fall else 0.0
        return math.pow(self.init_spikes, left) * math.pow(self.spike_target, 1 - left)
