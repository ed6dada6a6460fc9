"""A number of spikes that each output neuron should fire."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.losses.loss import Graded, Loss, Reads, check, checked_outputs


@dataclass(frozen=True)
class CountTarget(Loss):
    """Half the squared distance of the spike counts from given ones (SLAYER's count loss).

    Attributes
    ----------
    right, wrong : float
        Spikes that the neuron of the right class, and each other, should fire.

    Examples
    --------
    >>> import numpy as np
    >>> from eventsnn import CountTarget
    >>> CountTarget(right=10, wrong=1)(np.array([[8, 1]]), np.array([0])).gradient
    array([[-2.,  0.]])
    """

    kind: ClassVar[str] = "count-target"
    scaled: ClassVar[bool] = True

    right: float = 10.0
    wrong: float = 1.0
    reads: Reads = "counts"

    def __post_init__(self) -> None:
        """Check the parameters."""
        check(self.reads == "counts", "reads", self.reads, "counts")
        check(0 <= self.wrong < self.right < math.inf, "right", self.right, "more than wrong")

    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """See ``Loss``."""
        outputs = checked_outputs(outputs, labels)
        target = np.full(outputs.shape, self.wrong)
        target[np.arange(len(labels)), labels] = self.right
        gap = outputs - target
        return Graded(0.5 * (gap**2).sum(1), gap, outputs)
