"""The contract of what chooses the points that a sweep tries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from eventsnn.sweep.space import Point, Space

Points = Callable[[int], Point]
"""From the number of a trial to its point."""


class Sampler(ABC):
    """A way to choose points.

    Class attributes
    ----------------
    kind : str
        Name in study files.
    """

    kind: ClassVar[str]

    @abstractmethod
    def points(self, space: Space, seed: str) -> Points | None:
        """Return how points follow from the numbers of trials.

        None where a point depends on how other trials went: ``optuna`` chooses then, and any
        number of workers does not give the same trials.
        """

    def most(self, space: Space) -> int | None:
        """Return how many trials there can be; None: any number."""
        return None

    def optuna(self, seed: int) -> Any:
        """Return the sampler of Optuna that chooses one point; ``seed`` is the trial's own."""
        raise NotImplementedError
