"""Cross-entropy of the softmax over spike counts, or over what a readout kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.losses.loss import (
    READS,
    Graded,
    Reads,
    TargetLoss,
    check,
    checked_outputs,
    log_softmax,
)


@dataclass(frozen=True)
class CrossEntropy(TargetLoss):
    """Cross-entropy of softmax(gain * outputs).

    Attributes
    ----------
    reads : "counts", "final", "maximum" or "integral"
    gain : float
        Scores per unit of output.
    smoothing : float
        Share of the target spread evenly over all classes (Szegedy et al. 2016).

    Examples
    --------
    >>> import numpy as np
    >>> from eventsnn import CrossEntropy
    >>> graded = CrossEntropy(reads="maximum")(np.array([[0.5, 0.5]]), np.array([0]))
    >>> graded.loss.round(3), graded.gradient
    (array([0.693]), array([[-0.5,  0.5]]))
    """

    kind: ClassVar[str] = "cross-entropy"
    scaled: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ("reads", "gain", "smoothing")

    reads: Reads = "counts"
    gain: float = 1.0
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        if self.reads not in READS or self.reads == "first_spike":
            raise UserError(
                f"cross-entropy reads {self.reads!r}; give counts, final, maximum or integral"
            )
        check(self.gain > 0 and math.isfinite(self.gain), "gain", self.gain, "a number above 0")
        check(0 <= self.smoothing < 1, "smoothing", self.smoothing, "0 or more, less than 1")

    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """See ``Loss``."""
        outputs = checked_outputs(outputs, labels)
        return self.towards(outputs, self.targets(labels, outputs.shape[1]))

    def targets(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
        """Return the probability that each class should have, float64 (n, classes)."""
        target = np.full((len(labels), classes), self.smoothing / classes)
        target[np.arange(len(labels)), labels] += 1 - self.smoothing
        return target

    def towards(self, outputs: NDArray[np.float64], target: NDArray[np.float64]) -> Graded:
        """Grade outputs against probabilities, both float64 (n, classes)."""
        scores = self.gain * outputs
        log_p = log_softmax(scores)
        gradient = self.gain * (np.exp(log_p) - target)
        return Graded(-(target * log_p).sum(1), gradient, scores)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """See ``TargetLoss``."""
        scores = self.gain * np.asarray(outputs, np.float64)
        raised = np.exp(scores - scores.max(1, keepdims=True))
        return np.asarray(raised / raised.sum(1, keepdims=True), np.float64)
