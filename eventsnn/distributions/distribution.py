"""What every distribution gives: numbers of a shape, the same for the same seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.options import take


@dataclass(frozen=True)
class Distribution(ABC):
    """A distribution. Subclasses are frozen dataclasses, named in files by ``kind``."""

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises
        ------
        UserError
            For a number out of bounds: it names the distribution, the parameter and the value.
        """
        take(self, f"distribution {self.kind}")

    @abstractmethod
    def draw(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return numbers of a shape, float64."""
