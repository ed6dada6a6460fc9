"""What every surrogate answers: a slope in place of that of the step from silence to a spike.

A spike is a step of the potential u at the threshold V, whose derivative is 0 or infinite. A
surrogate h(u - V) takes its place on the way back. Each is a frozen description of one width.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.text import shown


@dataclass(frozen=True)
class Surrogate(ABC):
    """A surrogate. Subclasses are frozen dataclasses, named in options by ``kind``.

    Class attributes
    ----------------
    kind : str
        Name in options.

    Attributes
    ----------
    width : float
        > 0, in the units of the potential; each file says what it is the width of.

    Raises
    ------
    UserError
        For a width that is not a finite number above 0.
    """

    kind: ClassVar[str]
    width: float = 1.0

    def __post_init__(self) -> None:
        """Check the width."""
        value: Any = self.width
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not (number and 0 < value < math.inf):
            raise UserError(f"surrogate {self.kind}: width is {shown(value)}; give a number > 0")
        object.__setattr__(self, "width", float(value))

    @property
    def reach(self) -> float:
        """Distance from the threshold from which on the slope is 0; infinity where it never is."""
        return math.inf

    @property
    def area(self) -> float:
        """The integral of the slope: the height of the smooth step that it belongs to."""
        return 1.0

    @abstractmethod
    def derivative(self, d: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return h at distances d = u - V, in plain numpy: the definition."""

    @abstractmethod
    def fill(self, u: NDArray[Any], threshold: float, out: NDArray[Any]) -> None:
        """Write h(u - threshold) to ``out``.

        ``u`` and ``out`` are flat, of one dtype (float32 or float64), and not the same array. Each
        number depends on its own potential alone.
        """
