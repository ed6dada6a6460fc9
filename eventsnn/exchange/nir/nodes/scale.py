"""Scale: each unit by a factor of its own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.exchange.nir.nodes.map import Map, Matrix, diagonal
from eventsnn.exchange.nir.nodes.node import Raw, Shape


class Scale(Map):
    """A factor a unit."""

    kind: ClassVar[str] = "Scale"
    plain = True

    def read(self, raw: Raw) -> None:
        """Take the factors."""
        self.factors = self.numbers(raw, "scale")

    @property
    def own_shape(self) -> Shape | None:
        """That of the factors, if they are several."""
        return self.factors.shape if self.factors.size > 1 else None

    def fits(self, given: Shape) -> Shape:
        """Return the shape that it is given."""
        if self.factors.size > 1 and given != self.factors.shape:
            raise self.refuse(f"takes {self.factors.shape}, is given {given}; give as many factors")
        return given

    def scale(self, given: Shape) -> NDArray[np.float64]:
        """Return the factors."""
        return self.factors.astype(np.float64).reshape(-1)

    def matrix(self, given: Shape) -> Matrix:
        """Return a diagonal."""
        return diagonal(self.scale(given), given)
