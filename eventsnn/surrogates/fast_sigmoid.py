"""The slope of the fast sigmoid (Zenke & Ganguli 2018, SuperSpike): 1 / (1 + |d| / a)^2.

Its peak is 1, as that paper and those after it have it, and so its integral is 2 a.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.kernels.compile import threaded
from eventsnn.surrogates.surrogate import Surrogate


@dataclass(frozen=True)
class FastSigmoid(Surrogate):
    """The slope of the fast sigmoid; ``width`` is a: 1 / alpha of papers that write alpha |d|."""

    kind: ClassVar[str] = "fast-sigmoid"

    @property
    def area(self) -> float:
        """Twice the width."""
        return 2 * self.width

    def derivative(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Surrogate``."""
        return np.asarray(1 / np.square(1 + np.abs(d) / self.width), np.float64)

    def fill(self, u: NDArray[Any], threshold: float, out: NDArray[Any]) -> None:
        """See ``Surrogate``."""
        real = u.dtype.type
        _fill(u, out, real(threshold), real(1 / self.width), real(1))


@threaded
def _fill(u, out, threshold, alpha, one):  # type: ignore[no-untyped-def]
    for i in range(len(u)):
        root = one + alpha * abs(u[i] - threshold)
        out[i] = one / (root * root)
