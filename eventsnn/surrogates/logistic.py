"""The slope of the logistic function, h3 of Wu et al. (2018), equation (25): s (1 - s) / a.

s = 1 / (1 + exp(-d / a)). Written by exp(-|d| / a), which never overflows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.surrogates.surrogate import Surrogate


@dataclass(frozen=True)
class Logistic(Surrogate):
    """The slope of the logistic function; ``width`` is a, its scale."""

    kind: ClassVar[str] = "logistic"

    def derivative(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Surrogate``."""
        small = np.exp(-np.abs(d) / self.width)
        return np.asarray(small / (self.width * np.square(1 + small)), np.float64)

    def fill(self, u: NDArray[Any], threshold: float, out: NDArray[Any]) -> None:
        """See ``Surrogate``; numpy takes the exponentials of a whole array at once."""
        real = u.dtype.type
        np.subtract(u, real(threshold), out=out)
        np.abs(out, out=out)
        out *= real(-1 / self.width)
        np.exp(out, out=out)
        below = out + real(1)
        below *= below
        below *= real(self.width)
        out /= below
