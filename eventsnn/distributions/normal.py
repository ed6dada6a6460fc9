"""Normal, by mean and standard deviation."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.distributions.distribution import Distribution
from eventsnn.options import option


@dataclass(frozen=True)
class Normal(Distribution):
    """Normal.

    Attributes
    ----------
    mean, std : float
        ``std`` is 0 or more.
    seed : int
        Give each connection its own.

    Examples
    --------
    >>> from eventsnn import Normal
    >>> Normal(0.1, 0.02, seed=3).draw((50, 20)).shape
    (50, 20)
    """

    kind: ClassVar[str] = "normal"
    mean: float = option(MISSING, "Mean.")
    std: float = option(MISSING, "Standard deviation.", least=0)
    seed: int = option(MISSING, "Of the draw.", least=0)

    def draw(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the numbers."""
        return np.random.default_rng(self.seed).normal(self.mean, self.std, shape)
