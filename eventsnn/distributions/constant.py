"""One number everywhere."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.distributions.distribution import Distribution
from eventsnn.options import option


@dataclass(frozen=True)
class Constant(Distribution):
    """One number everywhere.

    Examples
    --------
    >>> from eventsnn import Constant
    >>> Constant(-0.4).draw((2,))
    array([-0.4, -0.4])
    """

    kind: ClassVar[str] = "constant"
    value: float = option(MISSING, "The number.")

    def draw(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the number in a shape."""
        return np.full(shape, float(self.value))
