"""LIF: tau dv/dt = v_leak - v + R I."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.cell import CellFacts, CellNode, Said, reset_of
from eventsnn.neurons.general_lif import GeneralLIF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron


def _of_lif(neuron: Any, convention: Convention) -> dict[str, Any]:
    where = {"v_leak": 0.0, "v_threshold": neuron.threshold, "v_reset": 0.0}
    tau = neuron.tau_us / convention.unit_us
    return {"tau": tau, "r": tau / convention.area} | where


def _of_general(neuron: Any, convention: Convention) -> dict[str, Any] | None:
    if neuron.synapses or np.isinf(neuron.tau_mem_us).any():
        return None
    where = {"v_leak": neuron.target, "v_threshold": neuron.threshold, "v_reset": reset_of(neuron)}
    tau = np.divide(neuron.tau_mem_us, convention.unit_us)
    return {"tau": tau, "r": tau / convention.area} | where


class LIFNode(CellNode):
    """Leaky integrate-and-fire."""

    kind: ClassVar[str] = "LIF"
    parameters = ("tau", "r", "v_leak", "v_threshold", "v_reset")
    equations: ClassVar[str] = "dv/dt = (v_leak - v + r * x) / (tau * unit) : 1"
    usual: ClassVar[dict[str, float]] = {"v_leak": 0.0, "v_reset": 0.0}

    of: ClassVar[dict[type[Neuron], Said]] = {LIF: _of_lif, GeneralLIF: _of_general}

    def move(self, state: dict[str, Any], given: Any, dt: float) -> None:
        """Move v by a step."""
        slope = self.flat("v_leak") - state["v"] + self.flat("r") * given
        state["v"] = state["v"] + dt / self.flat("tau") * slope

    def facts(self, convention: Convention) -> CellFacts:
        """Return leaky neurons."""
        r, tau = self.get("r"), self.get("tau")
        gain = self.near_one(r * convention.share(tau))
        tau_us = convention.tau_us(self.values["tau"], self.where)
        return CellFacts(gain, tau_us, drive=r, **self.where_v_is())
