"""The squared distance of what the outputs say from what they should."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.losses.loss import Graded, Loss, Reads, check, checked_outputs


@dataclass(frozen=True)
class MeanSquare(Loss):
    """Half the squared distance of the outputs from ``right`` at the class and 0 elsewhere.

    Of rates (spikes a step) this is the loss of STBP (Wu et al. 2018), equation (9).

    Attributes
    ----------
    right : float
        What the output of the right class should be.
    """

    kind: ClassVar[str] = "mean-square"
    scaled: ClassVar[bool] = True

    right: float = 1.0
    reads: Reads = "counts"

    def __post_init__(self) -> None:
        """Check the parameters."""
        check(self.reads == "counts", "reads", self.reads, "counts")
        check(0 < self.right < math.inf, "right", self.right, "a number above 0")

    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """See ``Loss``."""
        outputs = checked_outputs(outputs, labels)
        target = np.zeros(outputs.shape)
        target[np.arange(len(labels)), labels] = self.right
        gap = outputs - target
        return Graded(0.5 * (gap**2).sum(1), gap, outputs)
