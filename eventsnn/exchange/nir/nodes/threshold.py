"""Threshold: a spike where what comes at one instant is above the threshold; nothing is kept."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from eventsnn.exchange.nir.convention import AT_ONCE, Convention
from eventsnn.exchange.nir.nodes.cell import CellFacts, CellNode, reached


class Threshold(CellNode):
    """Neurons that forget at once."""

    kind: ClassVar[str] = "Threshold"
    parameters = ("threshold",)
    equations: ClassVar[str] = "v = x : 1"

    def fire(self, state: dict[str, Any], convention: Convention) -> Any:
        """Return who fires; nothing is kept."""
        return reached(state["v"], self.flat("threshold"), convention)

    def move(self, state: dict[str, Any], given: Any, dt: float) -> None:
        """Move v by a step."""
        state["v"] = np.zeros(len(state["v"])) + given

    def facts(self, convention: Convention) -> CellFacts:
        """Return leaky neurons whose leak takes all."""
        if convention.spike == "dirac":
            raise self.refuse(
                "compares a signal with a number, and a Dirac pulse is above any; give spike=, "
                "the microseconds for which a spike is held at 1"
            )
        return CellFacts(np.array(1.0), np.array(AT_ONCE), threshold=self.get("threshold"))
