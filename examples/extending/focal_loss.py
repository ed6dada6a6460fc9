"""A loss of one's own: focal loss (Lin et al. 2017, equation 5), one class in one file.

``register`` joins it; then it is a loss like any other: ``train`` takes it by its word.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

import eventsnn
from eventsnn.losses.loss import Graded, Loss, Reads, checked_outputs, log_softmax
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Listener, Trainer


@eventsnn.register
@dataclass(frozen=True)
class Focal(Loss):
    """Cross-entropy in which recordings that are read well count less: -(1 - p)^gamma log p.

    Attributes
    ----------
    reads : "counts", "final", "maximum" or "integral"
    gamma : float
        0 is the cross-entropy.
    """

    kind: ClassVar[str] = "focal"
    options: ClassVar[tuple[str, ...]] = ("reads",)

    reads: Reads = "integral"
    gamma: float = 2.0

    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """See ``Loss``."""
        scores, rows = checked_outputs(outputs, labels), np.arange(len(labels))
        log_p = log_softmax(scores)
        p = np.exp(log_p)
        right, log_right = p[rows, labels], log_p[rows, labels]
        left = 1 - right
        # d loss / d log p of the right class; log p goes by its own score with 1 - p.
        slope = self.gamma * left ** (self.gamma - 1) * right * log_right - left**self.gamma
        by_score = -slope[:, None] * p
        by_score[rows, labels] += slope
        return Graded(-(left**self.gamma) * log_right, by_score, scores)


def main() -> None:
    data = eventsnn.open_data("digits", limit=600)
    given = {"rule": "adjoint", "loss": "focal", "layers": (2312, 60, 10), "epochs": 2}
    for loss in ("focal", "cross-entropy"):
        options = completed(make_options(given | {"loss": loss}), data)
        summary = Trainer(options, data, None).run(Listener())
        print(f"{loss}: {summary['test_accuracy']:.1%} of digits that it has not seen")


if __name__ == "__main__":
    main()
