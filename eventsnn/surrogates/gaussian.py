"""The bell curve, h4 of Wu et al. (2018), equation (26): the normal density of variance a."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.surrogates.surrogate import Surrogate


@dataclass(frozen=True)
class Gaussian(Surrogate):
    """The normal density; ``width`` is a, its variance."""

    kind: ClassVar[str] = "gaussian"

    def derivative(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Surrogate``."""
        height = 1 / math.sqrt(2 * math.pi * self.width)
        return np.asarray(height * np.exp(-np.square(d) / (2 * self.width)), np.float64)

    def fill(self, u: NDArray[Any], threshold: float, out: NDArray[Any]) -> None:
        """See ``Surrogate``; numpy takes the exponentials of a whole array at once."""
        real = u.dtype.type
        np.subtract(u, real(threshold), out=out)
        out *= out
        out *= real(-1 / (2 * self.width))
        np.exp(out, out=out)
        out *= real(1 / math.sqrt(2 * math.pi * self.width))
