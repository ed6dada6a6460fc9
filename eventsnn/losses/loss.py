"""Losses: from what the output population did to a number a recording, and its gradient.

A loss *reads* one output a class: spike counts, or what a readout kept (its final
potential, the maximum over time, the integral over time), or the time of the first
spike. Each is a frozen description; ``loss(outputs, labels)`` is a pure function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError

Reads = Literal["counts", "final", "maximum", "integral", "first_spike"]

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


class Loss(Protocol):
    """A loss; ``reads`` says what its outputs are."""

    @property
    def reads(self) -> Reads:
        """What the outputs are."""

    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """Grade outputs, float (n, classes), against the classes, int (n,)."""


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of softmax(gain * outputs).

    Attributes
    ----------
    reads : "counts", "final", "maximum" or "integral"
    gain : float
        Scores per unit of output.
    smoothing : float
        Share of the target spread evenly over all classes (Szegedy et al. 2016).
    """

    reads: Reads = "counts"
    gain: float = 1.0
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        if self.reads not in READS or self.reads == "first_spike":
            raise UserError(
                f"cross-entropy reads {self.reads!r}; give counts, final, maximum or integral"
            )
        _check(self.gain > 0 and math.isfinite(self.gain), "gain", self.gain, "a number above 0")
        _check(0 <= self.smoothing < 1, "smoothing", self.smoothing, "0 or more, less than 1")

    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """See ``Loss``."""
        outputs = _checked(outputs, labels)
        return self.towards(outputs, self.targets(labels, outputs.shape[1]))

    def targets(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
        """Return the probability that each class should have, float64 (n, classes)."""
        target = np.full((len(labels), classes), self.smoothing / classes)
        target[np.arange(len(labels)), labels] += 1 - self.smoothing
        return target

    def towards(self, outputs: NDArray[np.float64], target: NDArray[np.float64]) -> Graded:
        """Grade outputs against probabilities, both float64 (n, classes)."""
        scores = self.gain * outputs
        log_p = _log_softmax(scores)
        gradient = self.gain * (np.exp(log_p) - target)
        return Graded(-(target * log_p).sum(1), gradient, scores)


@dataclass(frozen=True)
class CountTarget:
    """Half the squared distance of the spike counts from given ones (SLAYER's count loss).

    Attributes
    ----------
    right, wrong : float
        Spikes that the neuron of the right class, and each other, should fire.
    """

    right: float = 10.0
    wrong: float = 1.0
    reads: Reads = "counts"

    def __post_init__(self) -> None:
        """Check the parameters."""
        _check(self.reads == "counts", "reads", self.reads, "counts")
        _check(0 <= self.wrong < self.right < math.inf, "right", self.right, "more than wrong")

    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """See ``Loss``."""
        outputs = _checked(outputs, labels)
        target = np.full(outputs.shape, self.wrong)
        target[np.arange(len(labels)), labels] = self.right
        gap = outputs - target
        return Graded(0.5 * (gap**2).sum(1), gap, outputs)


@dataclass(frozen=True)
class FirstSpike:
    """Cross-entropy of softmax(-t / scale_us) over the times of first spikes (Goeltz et al. 2021).

    A class that stays silent counts as if it fired ``scale_us`` after the last class that
    did; it gets no gradient. Where all are silent the scores are 0 and the loss is log(classes),
    as for a guess.

    Attributes
    ----------
    scale_us : float
        Microseconds that make one unit of score.
    """

    scale_us: float = 5_000.0
    reads: Reads = "first_spike"

    def __post_init__(self) -> None:
        """Check the parameters."""
        _check(self.reads == "first_spike", "reads", self.reads, "first_spike")
        _check(0 < self.scale_us < math.inf, "scale_us", self.scale_us, "microseconds above 0")

    def __call__(self, outputs: NDArray[Any], labels: NDArray[np.int64]) -> Graded:
        """See ``Loss``; ``outputs`` are microseconds, infinity for silence."""
        outputs = _checked(outputs, labels, infinite=True)
        rows = np.arange(len(labels))
        silent = ~np.isfinite(outputs)
        # A silent class scores as if it spiked one scale after the last of the recording.
        times = np.where(silent, 0.0, outputs)
        late = times.max(1, keepdims=True) + self.scale_us
        scores = -np.where(silent, late, times) / self.scale_us
        log_p = _log_softmax(scores)
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


def _log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = scores - scores.max(1, keepdims=True)
    out: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return out


def _check(good: bool, name: str, value: Any, remedy: str) -> None:
    if not good:
        raise UserError(f"loss: {name} is {value}; give {remedy}")


def _checked(
    outputs: NDArray[Any], labels: NDArray[np.int64], infinite: bool = False
) -> NDArray[np.float64]:
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
