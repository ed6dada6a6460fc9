"""Options of EventProp."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventsnn.data.facts import batch_for
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.neuron import Neuron
from eventsnn.options import option
from eventsnn.rules.gradient.options import GradientOptions


@dataclass(frozen=True)
class EventPropOptions(GradientOptions):
    """Options of the rule ``eventprop``."""

    of_layers = (*GradientOptions.of_layers, "tau_syn_us")

    tau_syn_us: float = option(
        5_000.0, "Time constant of synaptic currents.", unit="microseconds", above=0
    )

    @classmethod
    def recipe(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults of a run; ``docs/explanation/decisions-rules.md`` argues them."""
        return {
            "reads": "maximum",
            "batch": 1 if given.get("online") else batch_for(given["facts"], 32),
            "rate": 0.05,
            "scaled": True,
            "init_output": 0.3,
            "init_spikes": 2.0,
        }

    def hidden(self) -> Neuron:
        """Return the neuron model of hidden populations."""
        return CubaLIF(self.tau_us, self.tau_syn_us, self.threshold, self.refractory_us)
