"""Delay: what each unit sends arrives so much later."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import NDArray

from eventsnn.exchange.nir.nodes.map import Map, Matrix, diagonal
from eventsnn.exchange.nir.nodes.node import Raw, Shape


class Delay(Map):
    """A delay a unit."""

    kind: ClassVar[str] = "Delay"
    plain = True

    def read(self, raw: Raw) -> None:
        """Take the delays."""
        self.delays = self.numbers(raw, "delay")
        if (self.delays < 0).any():
            raise self.refuse(f"delay is {self.delays.min()}; give 0 or more")

    @property
    def own_shape(self) -> Shape | None:
        """That of the delays, if they are several."""
        return self.delays.shape if self.delays.size > 1 else None

    def fits(self, given: Shape) -> Shape:
        """Return the shape that it is given."""
        if self.delays.size > 1 and given != self.delays.shape:
            raise self.refuse(f"takes {self.delays.shape}, is given {given}; give as many delays")
        return given

    def delay(self) -> NDArray[Any]:
        """Return the delays."""
        return self.delays.reshape(-1)

    def matrix(self, given: Shape) -> Matrix:
        """Return each unit to itself."""
        return diagonal(1.0, given)
