"""What every loss answers: a number a recording, its gradient, and the scores of the classes.

A loss *reads* one output a class: spike counts, or what a readout kept (its final
potential, the maximum over time, the integral over time), or the time of the first
spike. Each is a frozen description, one a file; ``loss(outputs, labels)`` is a pure function.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.record import Reads as Reads

READS: tuple[Reads, ...] = ("counts", "final", "maximum", "integral", "first_spike")


class Graded(NamedTuple):
    """What a loss says.

    Attributes
    ----------
    loss : float64 array (n,)
        One number a recording.
    gradient : float64 array (n, classes)
        Derivative of the loss of a recording with respect to its outputs.
    scores : float64 array (n, classes)
        The class with the highest score is the prediction.
    """

    loss: NDArray[np.float64]
    gradient: NDArray[np.float64]
    scores: NDArray[np.float64]


class Loss(ABC):
    """A loss. Subclasses are frozen dataclasses, named in options by ``kind``.

    Class attributes
    ----------------
    kind : str
        Name in options.
    options : tuple of str
        Parameters that a run's options of the same name give; others keep their defaults.
    scaled : bool
        True where scores are what is read times ``gain`` (1 without one); of first spikes, their
        times in ``-scale_us``. Programs in C read such answers.

    Attributes
    ----------
    reads : str
        What the outputs are.
    """

    kind: ClassVar[str]
    scaled: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()
    reads: Reads

    @abstractmethod
    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """Grade outputs, float (n, classes), against the classes, int (n,)."""


class TargetLoss(Loss):
    """A loss against a probability for each class: one that teachers may give, too."""

    @abstractmethod
    def targets(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
        """Return the probability that each class should have, float64 (n, classes)."""

    @abstractmethod
    def towards(self, outputs: NDArray[np.float64], target: NDArray[np.float64]) -> Graded:
        """Grade outputs against probabilities, both float64 (n, classes)."""

    @abstractmethod
    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probability of each class that outputs say, float64 (n, classes)."""


def log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithms of the softmax over the classes."""
    shifted = scores - scores.max(1, keepdims=True)
    out: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return out


def check(good: bool, name: str, value: Any, remedy: str) -> None:
    """Refuse a parameter that is not good."""
    if not good:
        raise UserError(f"loss: {name} is {value}; give {remedy}")


def checked_outputs(
    outputs: NDArray[Any], labels: NDArray[np.int64], infinite: bool = False
) -> NDArray[np.float64]:
    """Return outputs as float64; UserError for another shape, NaN, or labels that are no class."""
    out = np.asarray(outputs, np.float64)
    if out.ndim != 2 or len(out) != len(labels):
        raise UserError(f"loss: outputs of {out.shape} for {len(labels)} labels; give (n, classes)")
    bad = np.isnan(out) if infinite else ~np.isfinite(out)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise UserError(
            f"loss: output {column} of recording {row} is {out[row, column]}; lower the learning "
            "rate, or clip gradients"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < out.shape[1]:
        wrong = int(labels.max()) if labels.max() >= out.shape[1] else int(labels.min())
        raise UserError(f"loss: label {wrong}; the network has the classes 0 to {out.shape[1] - 1}")
    return out
