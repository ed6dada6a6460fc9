"""The rectangle, h1 of Wu et al. (2018), equation (23): 1 / a where |d| < a / 2, else 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import threaded
from eventsnn.surrogates.surrogate import Surrogate


@dataclass(frozen=True)
class Rectangle(Surrogate):
    """The rectangle; ``width`` is a, its base. Its edges are outside: "<" is strict."""

    kind: ClassVar[str] = "rectangle"

    @property
    def reach(self) -> float:
        """Half of the base."""
        return self.width / 2

    def derivative(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Surrogate``."""
        return np.where(np.abs(d) < self.width / 2, 1 / self.width, 0.0)

    def fill(self, u: NDArray[Any], threshold: float, out: NDArray[Any]) -> None:
        """See ``Surrogate``."""
        real = u.dtype.type
        _fill(u, out, real(threshold), real(self.width / 2), real(1 / self.width))


@threaded
def _fill(u, out, threshold, reach, height):  # type: ignore[no-untyped-def]
    zero = height - height
    for i in range(len(u)):
        out[i] = height if abs(u[i] - threshold) < reach else zero
