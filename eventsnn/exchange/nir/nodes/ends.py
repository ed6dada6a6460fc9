"""Input and Output: where a graph begins and ends."""

from __future__ import annotations

from typing import ClassVar

from eventsnn.exchange.nir.nodes.map import Map, Matrix, diagonal
from eventsnn.exchange.nir.nodes.node import Raw, Shape


class Input(Map):
    """Where events come in."""

    kind: ClassVar[str] = "Input"
    end: ClassVar[bool] = True
    plain = True

    def read(self, raw: Raw) -> None:
        """Take its shape."""
        self.shape = self.shape_of(raw, "shape")

    @property
    def own_shape(self) -> Shape:
        """Its shape."""
        return self.shape

    def fits(self, given: Shape) -> Shape:
        """Return what a graph in a graph is given."""
        return given

    def matrix(self, given: Shape) -> Matrix:
        """Return each unit to itself."""
        return diagonal(1.0, given)


class Output(Map):
    """Where answers come out."""

    kind: ClassVar[str] = "Output"
    end: ClassVar[bool] = True
    plain = True

    def read(self, raw: Raw) -> None:
        """Take its shape."""
        self.shape = self.shape_of(raw, "shape")

    def fits(self, given: Shape) -> Shape:
        """Return what it is given."""
        return given

    def matrix(self, given: Shape) -> Matrix:
        """Return each unit to itself."""
        return diagonal(1.0, given)
