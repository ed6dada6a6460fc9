"""Every point, each once."""

from __future__ import annotations

from typing import ClassVar

from eventsnn.sweep.hashed import hashed
from eventsnn.sweep.samplers.sampler import Points, Sampler
from eventsnn.sweep.space import Space


class GridSearch(Sampler):
    """All points in a mixed order, so that the first ones are spread over the space."""

    kind: ClassVar[str] = "grid"

    def points(self, space: Space, seed: str) -> Points:
        """Order the points by their hashes."""
        mixed = sorted(range(len(space.grid)), key=lambda k: (hashed(seed, "grid", k), k))
        return lambda number: space.grid[mixed[number]]

    def most(self, space: Space) -> int:
        """Return the number of points."""
        return len(space.grid)
