"""The triangle, h2 of Wu et al. (2018), equation (24): sqrt(a) / 2 - a |d| / 4, where above 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import threaded
from eventsnn.surrogates.surrogate import Surrogate


@dataclass(frozen=True)
class Triangle(Surrogate):
    """The triangle; ``width`` is a: its base is 4 / sqrt(a), so that a larger a is narrower."""

    kind: ClassVar[str] = "triangle"

    @property
    def reach(self) -> float:
        """Half of the base."""
        return 2 / math.sqrt(self.width)

    def derivative(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Surrogate``."""
        slope = math.sqrt(self.width) / 2 - self.width / 4 * np.abs(d)
        return np.where(np.abs(d) < self.reach, slope, 0.0)

    def fill(self, u: NDArray[Any], threshold: float, out: NDArray[Any]) -> None:
        """See ``Surrogate``."""
        real, root = u.dtype.type, math.sqrt(self.width)
        _fill(u, out, real(threshold), real(self.reach), (real(root / 2), real(self.width / 4)))


@threaded
def _fill(u, out, threshold, reach, line):  # type: ignore[no-untyped-def]
    height, slope = line
    zero = height - height
    for i in range(len(u)):
        d = abs(u[i] - threshold)
        out[i] = height - slope * d if d < reach else zero
