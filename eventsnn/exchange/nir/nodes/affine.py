"""Affine: y = W x + b. What is added whatever comes is a constant current into what follows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.exchange.nir.nodes.linear import LinearMap
from eventsnn.exchange.nir.nodes.node import Raw, Shape


class Affine(LinearMap):
    """Weights and a bias."""

    kind: ClassVar[str] = "Affine"

    def read(self, raw: Raw) -> None:
        """Take the weights and the bias."""
        super().read(raw)
        self.bias = self.numbers(raw, "bias", 0.0)
        if self.bias.size not in (1, len(self.weight)):
            shape = self.bias.shape
            raise self.refuse(f"bias has shape {shape}; give ({len(self.weight)},)")

    def constant(self, given: Shape) -> NDArray[np.float64] | None:
        """Return the bias."""
        bias = np.broadcast_to(self.bias.reshape(-1), len(self.weight)).astype(np.float64)
        return bias if bias.any() else None
