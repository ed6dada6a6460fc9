"""The class whose neuron fires first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.losses.loss import Graded, Loss, Reads, check, checked_outputs, log_softmax


@dataclass(frozen=True)
class FirstSpike(Loss):
    """Cross-entropy of softmax(-t / scale_us) over the times of first spikes (Goeltz et al. 2021).

    A class that stays silent counts as if it fired ``scale_us`` after the last class that
    did; it gets no gradient. Where all are silent the scores are 0 and the loss is log(classes),
    as for a guess.

    Attributes
    ----------
    scale_us : float
        Microseconds that make one unit of score.

    Examples
    --------
    >>> import numpy as np
    >>> from eventsnn import FirstSpike
    >>> graded = FirstSpike(scale_us=5_000)(np.array([[1_000.0, np.inf]]), np.array([0]))
    >>> graded.scores.argmax(1)
    array([0])
    """

    kind: ClassVar[str] = "first-spike"
    scaled: ClassVar[bool] = True

    scale_us: float = 5_000.0
    reads: Reads = "first_spike"

    def __post_init__(self) -> None:
        """Check the parameters."""
        check(self.reads == "first_spike", "reads", self.reads, "first_spike")
        check(0 < self.scale_us < math.inf, "scale_us", self.scale_us, "microseconds above 0")

    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """See ``Loss``; ``outputs`` are microseconds, infinity for silence."""
        outputs = checked_outputs(outputs, labels, infinite=True)
        rows = np.arange(len(labels))
        silent = ~np.isfinite(outputs)
        # A silent class scores as if it spiked one scale after the last of the recording.
        times = np.where(silent, 0.0, outputs)
        late = times.max(1, keepdims=True) + self.scale_us
        scores = -np.where(silent, late, times) / self.scale_us
        log_p = log_softmax(scores)
        scores[silent.all(1)] = 0  # as of any output that was silent throughout
        p = np.exp(log_p)
        by_score = p.copy()
        by_score[rows, labels] -= 1
        gradient = -by_score / self.scale_us
        # The silent classes ride on the last spike: what is theirs belongs to it.
        last = np.where(silent, -math.inf, outputs).argmax(1)
        gradient[rows, last] += np.where(silent, gradient, 0).sum(1)
        gradient[silent] = 0
        return Graded(-log_p[rows, labels], gradient, scores)
