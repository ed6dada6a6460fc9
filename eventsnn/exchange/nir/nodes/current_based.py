"""What current-based nodes share: tau_syn dI/dt = -I + w_in S, tau_mem dv/dt = v_leak - v + R I."""

from __future__ import annotations

from typing import Any

from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.cell import CellFacts, CellNode


class CurrentBased(CellNode):
    """Neurons with a synaptic current."""

    def move(self, state: dict[str, Any], given: Any, dt: float) -> None:
        """Move the current by a step, then v."""
        slope = self.flat("w_in") * given - state["i"]
        state["i"] = state["i"] + dt / self.flat("tau_syn") * slope
        slope = self.flat("v_leak") - state["v"] + self.flat("r") * state["i"]
        state["v"] = state["v"] + dt / self.flat("tau_mem") * slope

    def _facts(self, convention: Convention, **known: Any) -> CellFacts:
        both, tau_syn = self.get("r") * self.get("w_in"), self.get("tau_syn")
        gain = self.near_one(both * convention.share(tau_syn))
        times = {
            f"{name}_us": convention.tau_us(self.values[name], self.where)
            for name in ("tau_mem", "tau_syn")
        }
        return CellFacts(gain, drive=both, **times, **known)
