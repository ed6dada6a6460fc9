"""CubaLIF: current-based leaky integrate-and-fire."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.cell import CellFacts, Said, reset_of
from eventsnn.exchange.nir.nodes.current_based import CurrentBased
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.general_lif import GeneralLIF
from eventsnn.neurons.neuron import Neuron


def _of_cuba(neuron: Any, convention: Convention) -> dict[str, Any]:
    mem, syn = (np.divide(t, convention.unit_us) for t in (neuron.tau_mem_us, neuron.tau_syn_us))
    times = {"tau_mem": mem, "tau_syn": syn, "r": mem / convention.area, "w_in": syn / mem}
    return times | {"v_leak": neuron.bias, "v_reset": 0.0, "v_threshold": neuron.threshold}


def _of_general(neuron: Any, convention: Convention) -> dict[str, Any] | None:
    if neuron.synapses != 1:
        return None
    return _of_cuba(neuron, convention) | {"v_leak": neuron.target, "v_reset": reset_of(neuron)}


class CubaLIFNode(CurrentBased):
    """Neurons that fire between events."""

    kind: ClassVar[str] = "CubaLIF"
    parameters = ("tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "v_reset", "w_in")
    usual: ClassVar[dict[str, float]] = {"v_leak": 0.0, "v_reset": 0.0, "w_in": 1.0}
    equations: ClassVar[str] = """
    dcurrent/dt = (w_in * x - current) / (tau_syn * unit) : 1
    dv/dt = (v_leak - v + r * current) / (tau_mem * unit) : 1
    """

    of: ClassVar[dict[type[Neuron], Said]] = {CubaLIF: _of_cuba, GeneralLIF: _of_general}

    def facts(self, convention: Convention) -> CellFacts:
        """Return neurons with a current."""
        return self._facts(convention, **self.where_v_is())
