"""The ReLU network that a spiking network is measured against: numpy, one sample at a time.

No biases, a ReLU on every layer including the output, half the squared error, plain
stochastic gradient descent: what O'Connor & Welling (2016) put beside their networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class ReluNetwork:
    """A multi-layer perceptron.

    Parameters
    ----------
    weights : sequence of float arrays (n_in, n_out)
        One a layer, rows by sender; copied, their dtype is that of every result.
    """

    def __init__(self, weights: Sequence[Array]) -> None:
        self.weights = [np.array(weight) for weight in weights]
        self._scratch = [np.empty_like(weight) for weight in self.weights]

    def drives(self, x: Array) -> Array:
        """Return the output layer's drive before its ReLU; its argmax is the class.

        The output's ReLU keeps the order of what is above zero, and makes ties of the rest.

        Parameters
        ----------
        x : float array (n, n_in)

        Returns
        -------
        float array (n, n_out)
        """
        source = x
        for weight in self.weights[:-1]:
            source = np.maximum(source @ weight, 0)
        top: Array = source @ self.weights[-1]
        return top

    def gradient(self, x: Array, y: Array) -> list[Array]:
        """Return dE/dW of every layer, E = 1/2 |relu(u_L) - y|^2, for one sample.

        Parameters
        ----------
        x : float array (n_in,)
        y : float array (n_out,)
        """
        sources = [x]
        for weight in self.weights:
            sources.append(np.maximum(sources[-1] @ weight, 0))
        error, found = sources[-1] - y, []
        for weight, below, here in zip(
            self.weights[::-1], sources[-2::-1], sources[:0:-1], strict=True
        ):
            error = error * (here > 0)
            found.append(np.outer(below, error))
            error = weight @ error
        return found[::-1]

    def train_one(self, x: Array, y: Array, eta: float | np.floating[Any]) -> Array:
        """Take one step down the gradient; return the drive of the output before it.

        Only rows of senders that are not silent are read and written: the gradient is zero
        in all others, and so is the error behind them. Sums are numpy's own: a matrix product
        leaves their order to a library that chooses it by the processor, and a million samples
        later the weights are others.
        """
        source, came = x, []
        for weight, scratch in zip(self.weights, self._scratch, strict=True):
            active = source.nonzero()[0]
            value, rows = source[active][:, None], weight.take(active, axis=0)
            each = scratch[: len(active)]
            drive = np.add.reduce(np.multiply(value, rows, out=each), axis=0)
            came.append((active, value, rows, each))
            source = np.maximum(drive, 0)
        error = (source - y) * (source > 0)
        for layer in reversed(range(len(came))):
            weight, (active, value, rows, each), down = self.weights[layer], came[layer], error
            if layer:
                error = np.zeros(len(weight), weight.dtype)
                error[active] = np.add.reduce(np.multiply(rows, down, out=each), axis=1)
            step = np.multiply(value, eta * down, out=each)
            weight[active] = np.subtract(rows, step, out=each)
        return np.asarray(drive)
