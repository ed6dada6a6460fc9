"""Points drawn at random, each on its own."""

from __future__ import annotations

from typing import ClassVar

from eventsnn.sweep.hashed import share
from eventsnn.sweep.samplers.sampler import Points, Sampler
from eventsnn.sweep.space import Space


class RandomSearch(Sampler):
    """A value is a hash of the study, the trial and the option; any number of trials."""

    kind: ClassVar[str] = "random"

    def points(self, space: Space, seed: str) -> Points:
        """Draw every option by itself."""
        return lambda number: space.point(lambda one: one.at(share(seed, number, one.name)))
