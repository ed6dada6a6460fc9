"""Weights after a sample: the regulariser with Adam, or plain descent, in one pass over a block."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.lanes import aligned
from eventsnn.kernels.compile import inlined, kernel, threaded
from eventsnn.rules.hm2bp.layers import SILENT_SPSP, WEIGHT_SCALE


class LearnedLayer(NamedTuple):
    """The weights of a layer and what goes with them; float32 (rows, columns).

    Attributes
    ----------
    weights : float32 array
    mean, square : float32 arrays
        Moments of Adam; of plain descent the last step, and nothing.
    sums, squares : float32 arrays (columns,)
        Of the weights of each column, and of their squares.
    pull : float32 array (columns,)
        What the regulariser multiplies the weights of each column by.
    """

    weights: NDArray[np.float32]
    mean: NDArray[np.float32]
    square: NDArray[np.float32]
    sums: NDArray[np.float32]
    squares: NDArray[np.float32]
    pull: NDArray[np.float32]

    @classmethod
    def of(cls, weights: NDArray[np.float32]) -> LearnedLayer:
        """Return weights that have not learned yet."""
        columns = weights.shape[1]
        rooms = (aligned(weights.size, np.float32).reshape(weights.shape) for _ in range(3))
        sums = (aligned(columns, np.float32) for _ in range(3))
        made = cls(*rooms, *sums)
        made.weights[:] = weights
        sum_columns(made)
        return made

    def narrow(self, columns: int) -> LearnedLayer:
        """Return room for so many columns."""
        return LearnedLayer.of(np.zeros((len(self.weights), columns), np.float32))

    def lend(self, low: int, high: int, part: LearnedLayer) -> None:
        """Write the columns low to high - 1 into ``part``."""
        for own, whole in zip(part, self, strict=True):
            own[:] = whole[..., low:high]

    def take_back(self, low: int, high: int, part: LearnedLayer) -> None:
        """Write ``part`` into the columns low to high - 1."""
        for own, whole in zip(part, self, strict=True):
            whole[..., low:high] = own


class Stepping(NamedTuple):
    """How weights move.

    Attributes
    ----------
    adam : bool
        Else gradient descent with momentum ``keep[0]``.
    rate : float32
    keep : (float32, float32)
        beta1 and beta2.
    correct : (float32, float32)
        What the moments are divided by, inverted.
    epsilon : float32
    strength, beta : float
        lambda and beta of the regulariser; strength 0: none.
    """

    adam: bool
    rate: np.float32
    keep: tuple[np.float32, np.float32]
    correct: tuple[np.float32, np.float32]
    epsilon: np.float32
    strength: float
    beta: float


@threaded
def sum_columns(learning):  # type: ignore[no-untyped-def]
    """Sum the weights and their squares, row after row, as ``update_rows`` does."""
    weights, sums, squares = learning.weights, learning.sums, learning.squares
    sums[:] = 0
    squares[:] = 0
    for row in range(len(weights)):
        for i in range(weights.shape[1]):
            w = weights[row, i]
            sums[i] += w
            squares[i] += w * w


@inlined
def _adam_row(w: Any, m: Any, v: Any, g: Any, pull: Any, s: Any) -> None:
    """Make one step of Adam on a row; g may have no numbers: 0."""
    one = np.float32(1)
    (b1, b2), (c1, c2) = s.keep, s.correct
    if len(g):
        for i in range(len(w)):
            gradient = g[i] + pull[i] * w[i]
            mean = b1 * m[i] + (one - b1) * gradient
            square = b2 * v[i] + (one - b2) * gradient * gradient
            w[i] -= s.rate * (mean * c1 / (np.sqrt(square * c2) + s.epsilon))
            m[i], v[i] = mean, square
    else:
        for i in range(len(w)):
            gradient = pull[i] * w[i]
            mean = b1 * m[i] + (one - b1) * gradient
            square = b2 * v[i] + (one - b2) * gradient * gradient
            w[i] -= s.rate * (mean * c1 / (np.sqrt(square * c2) + s.epsilon))
            m[i], v[i] = mean, square


@inlined
def _sgd_row(w: Any, m: Any, g: Any, pull: Any, s: Any) -> None:
    """Make one step of gradient descent on a row."""
    for i in range(len(w)):
        gradient = pull[i] * w[i]
        if len(g):
            gradient += g[i]
        m[i] = s.keep[0] * m[i] + s.rate * gradient
        w[i] -= m[i]


@kernel
def regularise(learning: Any, s: Any, low: int, high: int) -> None:
    """Find what the regulariser multiplies the columns low to high - 1 by."""
    squares, pull = learning.squares[low:high], learning.pull[low:high]
    rows = len(learning.weights)
    for i in range(high - low):
        share = squares[i] / np.float32(rows * WEIGHT_SCALE**2)
        pull[i] = s.strength * s.beta / WEIGHT_SCALE * math.exp(s.beta * (share - 1))


@kernel
def update_rows(learning: Any, found: Any, start: Any, s: Any, columns: Any) -> None:
    """Change the weights of a block; ``regularise`` was there.

    Parameters
    ----------
    learning : LearnedLayer
    found : (float32 array (rows, width), float32 array (width,), float32 array (width,), bool)
        Their gradient. Of a *dense* layer (the last says so): the S-PSP, which becomes it, of
        senders that spiked; what it is multiplied by; 1 of silent neurons.
    start : int32 array
        ``Trains.start`` of the layer below.
    s : Stepping
    columns : Columns
        Of ``learning``.
    """
    low, high, _ = columns
    sums, squares = learning.sums[low:high], learning.squares[low:high]
    pull, dull = learning.pull[low:high], np.float32(SILENT_SPSP)
    gradient, factor, silent, dense = found
    sums[:] = 0
    squares[:] = 0
    for row in range(len(learning.weights)):
        w, m = learning.weights[row, low:high], learning.mean[row, low:high]
        g = gradient[row] if not dense or start[row + 1] > start[row] else gradient[row, :0]
        if dense:
            for i in range(len(g)):
                g[i] = factor[i] * (g[i] + dull * silent[i])
        if s.adam:
            _adam_row(w, m, learning.square[row, low:high], g, pull, s)
        else:
            _sgd_row(w, m, g, pull, s)
        for i in range(high - low):
            sums[i] += w[i]
            squares[i] += w[i] * w[i]
