"""I: dv/dt = R I, and nothing fires."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.cell import CellFacts, CellNode, Said
from eventsnn.neurons.neuron import Neuron
from eventsnn.neurons.readout import Readout


def _of_readout(neuron: Any, convention: Convention) -> dict[str, Any] | None:
    return {"r": 1 / convention.area} if np.isinf(neuron.tau_us) else None


class Integrator(CellNode):
    """A sum."""

    kind: ClassVar[str] = "I"
    parameters = ("r",)
    spiking: ClassVar[bool] = False

    of: ClassVar[dict[type[Neuron], Said]] = {Readout: _of_readout}

    def move(self, state: dict[str, Any], given: Any, dt: float) -> None:
        """Move v by a step."""
        state["v"] = state["v"] + dt * self.flat("r") * given

    def facts(self, convention: Convention) -> CellFacts:
        """Return readouts without a leak."""
        r = self.get("r")
        return CellFacts(self.near_one(r * convention.area), np.array(np.inf), drive=r)
