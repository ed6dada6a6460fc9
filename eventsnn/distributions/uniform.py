"""Uniform between two numbers."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.distributions.distribution import Distribution
from eventsnn.errors import UserError
from eventsnn.options import option


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform from ``low`` to ``high``.

    Attributes
    ----------
    low, high : float
    seed : int
        Give each connection its own.

    Examples
    --------
    >>> from eventsnn import Uniform
    >>> bool((Uniform(0.1, 0.3, seed=0).draw((1000,)) < 0.3).all())
    True
    """

    kind: ClassVar[str] = "uniform"
    low: float = option(MISSING, "The least.")
    high: float = option(MISSING, "The most.")
    seed: int = option(MISSING, "Of the draw.", least=0)

    def __post_init__(self) -> None:
        """Check that the range is one."""
        super().__post_init__()
        if not self.low <= self.high:
            raise UserError(
                f"distribution uniform: low is {self.low}, high {self.high}; give low <= high"
            )

    def draw(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the numbers."""
        # high - low may be more than float64 holds.
        share = np.random.default_rng(self.seed).random(shape)
        return self.low * (1.0 - share) + self.high * share
