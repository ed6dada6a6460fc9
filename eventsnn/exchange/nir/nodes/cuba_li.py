"""CubaLI: a current, and a leaky sum of it; nothing fires."""

from __future__ import annotations

from typing import ClassVar

from eventsnn.exchange.nir.convention import Convention
from eventsnn.exchange.nir.nodes.cell import CellFacts
from eventsnn.exchange.nir.nodes.current_based import CurrentBased


class CubaLINode(CurrentBased):
    """Readouts behind a current."""

    kind: ClassVar[str] = "CubaLI"
    parameters = ("tau_mem", "tau_syn", "r", "v_leak", "w_in")
    usual: ClassVar[dict[str, float]] = {"v_leak": 0.0, "w_in": 1.0}
    spiking: ClassVar[bool] = False

    def facts(self, convention: Convention) -> CellFacts:
        """Return readouts with a current."""
        return self._facts(convention, rest=self.get("v_leak"))
