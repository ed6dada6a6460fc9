"""The options that a sweep tries, in the order of the study file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from eventsnn.errors import UserError
from eventsnn.sweep.dimension import Dimension

Point = dict[str, Any]
"""A value for each option that is there, by its name."""

MOST_POINTS = 100_000
"""Of a grid."""


@dataclass(frozen=True)
class Space:
    """All that is tried.

    Attributes
    ----------
    dimensions : tuple of Dimension
        Each stands behind those that its condition names.
    """

    dimensions: tuple[Dimension, ...]

    def point(self, value_of: Callable[[Dimension], Any]) -> Point:
        """Return the point whose values a function gives, asked in order for those there are."""
        found: Point = {}
        for one in self.dimensions:
            if one.active(found):
                found[one.name] = value_of(one)
        return found

    @cached_property
    def grid(self) -> list[Point]:
        """Every point.

        Raises
        ------
        UserError
            If an option has no finite number of values, or there are too many points.
        """
        for one in self.dimensions:
            if one.grid() is None:
                raise UserError(
                    f"space.{one.name}: any number between its ends is a value, and a grid has "
                    "some; give a list, step or points, or another sampler"
                )
        points = list(islice(self._points({}, 0), MOST_POINTS + 1))
        if len(points) > MOST_POINTS:
            raise UserError(
                f"space: the grid has more than {MOST_POINTS:,} points; give fewer values, or "
                'sampler = "random"'
            )
        return points

    def _points(self, found: Point, k: int) -> Iterator[Point]:
        if k == len(self.dimensions):
            yield found
            return
        one = self.dimensions[k]
        if not one.active(found):
            yield from self._points(found, k + 1)
            return
        for value in one.grid() or []:
            yield from self._points(found | {one.name: value}, k + 1)

    def edges(self) -> Iterator[Point]:
        """Yield points that together have every value that is checked before anything runs."""
        seen: list[Point] = []
        for one in self.dimensions:
            for value in one.edges():
                fixed = {one.name: value} | {name: wanted[0] for name, wanted in one.when}
                point = self.point(lambda d, fixed=fixed: fixed.get(d.name, d.edges()[0]))  # type: ignore[misc]
                if point not in seen:
                    seen.append(point)
                    yield point
