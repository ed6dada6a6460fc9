"""LI: tau dv/dt = v_leak - v + R I, and nothing fires."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.cell import CellFacts, CellNode, Said
from eventsnn.neurons.neuron import Neuron
from eventsnn.neurons.readout import Readout


def _of_readout(neuron: Any, convention: Convention) -> dict[str, Any] | None:
    if np.isinf(neuron.tau_us):
        return None
    tau = neuron.tau_us / convention.unit_us
    return {"tau": tau, "r": tau / convention.area, "v_leak": 0.0}


class LINode(CellNode):
    """A leaky sum."""

    kind: ClassVar[str] = "LI"
    parameters = ("tau", "r", "v_leak")
    usual: ClassVar[dict[str, float]] = {"v_leak": 0.0}
    spiking: ClassVar[bool] = False

    of: ClassVar[dict[type[Neuron], Said]] = {Readout: _of_readout}

    def move(self, state: dict[str, Any], given: Any, dt: float) -> None:
        """Move v by a step."""
        slope = self.flat("v_leak") - state["v"] + self.flat("r") * given
        state["v"] = state["v"] + dt / self.flat("tau") * slope

    def facts(self, convention: Convention) -> CellFacts:
        """Return readouts."""
        r, tau = self.get("r"), self.get("tau")
        gain = self.near_one(r * convention.share(tau))
        tau_us = convention.tau_us(self.values["tau"], self.where)
        return CellFacts(gain, tau_us, rest=self.get("v_leak"), drive=r)
