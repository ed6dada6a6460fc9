"""Flatten: several sides become one; units keep their order (channel, row, column)."""

from __future__ import annotations

import math
from typing import ClassVar

from eventsnn.exchange.nir.nodes.map import Map, Matrix, diagonal
from eventsnn.exchange.nir.nodes.node import Raw, Shape


class Flatten(Map):
    """Sides from ``start_dim`` to ``end_dim``, both included, as one."""

    kind: ClassVar[str] = "Flatten"
    plain = True

    def read(self, raw: Raw) -> None:
        """Take the two sides."""
        self.first = self._side(raw, "start_dim", 1)
        self.last = self._side(raw, "end_dim", -1)

    def _side(self, raw: Raw, name: str, usual: int) -> int:
        found = self.numbers(raw, name, usual)
        if found.size != 1 or found != found.round() or abs(found) > 8:
            raise self.refuse(f"{name} is {found}; give the number of a side")
        return int(found.reshape(-1)[0])

    def fits(self, given: Shape) -> Shape:
        """Return the shape with these sides as one."""
        sides = len(given)
        start, end = (k + sides if k < 0 else k for k in (self.first, self.last))
        if sides == 1 and start in (0, 1) and end <= 1:
            return given
        if not 0 <= start <= end < sides:
            raise self.refuse(
                f"sides {self.first} to {self.last} of {given} are none; give 0 to {sides - 1}"
            )
        return *given[:start], math.prod(given[start : end + 1]), *given[end + 1 :]

    def matrix(self, given: Shape) -> Matrix:
        """Return each unit to itself."""
        return diagonal(1.0, given)
