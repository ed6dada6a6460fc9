"""IF: dv/dt = R I."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.cell import CellFacts, CellNode, Said, reset_of
from eventsnn.neurons.general_lif import GeneralLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.neuron import Neuron


def _of_if(neuron: Any, convention: Convention) -> dict[str, Any]:
    return {"r": 1 / convention.area, "v_threshold": neuron.threshold, "v_reset": 0.0}


def _of_general(neuron: Any, convention: Convention) -> dict[str, Any] | None:
    if neuron.synapses or not np.isinf(neuron.tau_mem_us).all() or np.any(neuron.rest):
        return None
    return _of_if(neuron, convention) | {"v_reset": reset_of(neuron)}


class IFNode(CellNode):
    """Integrate-and-fire."""

    kind: ClassVar[str] = "IF"
    parameters = ("r", "v_threshold", "v_reset")
    equations: ClassVar[str] = "dv/dt = r * x / unit : 1"
    usual: ClassVar[dict[str, float]] = {"v_reset": 0.0}

    of: ClassVar[dict[type[Neuron], Said]] = {IF: _of_if, GeneralLIF: _of_general}

    def move(self, state: dict[str, Any], given: Any, dt: float) -> None:
        """Move v by a step."""
        state["v"] = state["v"] + dt * self.flat("r") * given

    def facts(self, convention: Convention) -> CellFacts:
        """Return neurons without a leak."""
        r = self.get("r")
        gain = self.near_one(r * convention.area)
        return CellFacts(gain, np.array(np.inf), drive=r, **self.where_v_is())
