"""Optimizers: pure functions from gradients to better parameters.

``state = optimizer.init(params)``, then ``params, state = optimizer.update(gradients,
state, params, rate)``. An optimizer is a frozen description; everything that changes is
in the state, which is plain arrays for a checkpoint. Each number is computed from its
own gradient alone, so that threads change no bit. Kernels work in place: a loop that is given
one array under two names is not vectorized (Adam took six times as long).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.threads import in_threads

Arrays = Sequence[NDArray[Any]]

Rate = float | Sequence[float]
"""Learning rate, one for all or one a parameter."""

_PART = 1 << 16  # numbers that a thread takes in one go


class State(NamedTuple):
    """What an optimizer remembers.

    Attributes
    ----------
    step : int
        Updates made.
    slots : tuple of lists of arrays
        As many lists as the optimizer has moments, an array a parameter in each.
    """

    step: int
    slots: tuple[list[NDArray[Any]], ...]


class Optimizer(Protocol):
    """What every optimizer can do."""

    def init(self, params: Arrays) -> State:
        """Return the state before the first update."""

    def update(
        self,
        gradients: Arrays,
        state: State,
        params: Arrays,
        rate: Rate,
        *,
        reuse: bool = False,
        threads: int = 1,
    ) -> tuple[list[NDArray[Any]], State]:
        """Return new parameters and the new state.

        ``reuse`` writes them where the old ones are, which saves as much memory again.
        """


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015) with decoupled weight decay (AdamW, Loshchilov & Hutter 2019).

    Attributes
    ----------
    beta1, beta2 : float
        Memory of the mean and of the mean square of the gradients.
    epsilon : float
    weight_decay : float
        Share of a weight lost in an update, times the rate.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        for name in ("beta1", "beta2"):
            _check(0 <= getattr(self, name) < 1, name, getattr(self, name), "0 or more, below 1")
        _check(self.epsilon > 0, "epsilon", self.epsilon, "a number above 0")
        _check(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")

    def init(self, params: Arrays) -> State:
        """See ``Optimizer``."""
        return State(0, ([np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]))

    def update(
        self,
        gradients: Arrays,
        state: State,
        params: Arrays,
        rate: Rate,
        *,
        reuse: bool = False,
        threads: int = 1,
    ) -> tuple[list[NDArray[Any]], State]:
        """See ``Optimizer``."""
        step = state.step + 1
        corrections = 1 / (1 - self.beta1**step), 1 / (1 - self.beta2**step)
        settings = (self.beta1, self.beta2, *corrections, self.epsilon, self.weight_decay)
        old = [list(params), *state.slots]
        return _applied(_adam, gradients, old, step, (rate, settings, reuse, threads))


@dataclass(frozen=True)
class SGD:
    """Gradient descent with momentum, and decoupled weight decay.

    Attributes
    ----------
    momentum : float
        Share of the last step that is kept (Polyak).
    weight_decay : float
        Share of a weight lost in an update, times the rate.
    """

    momentum: float = 0.9
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        _check(0 <= self.momentum < 1, "momentum", self.momentum, "0 or more, below 1")
        _check(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")

    def init(self, params: Arrays) -> State:
        """See ``Optimizer``."""
        return State(0, ([np.zeros_like(p) for p in params],))

    def update(
        self,
        gradients: Arrays,
        state: State,
        params: Arrays,
        rate: Rate,
        *,
        reuse: bool = False,
        threads: int = 1,
    ) -> tuple[list[NDArray[Any]], State]:
        """See ``Optimizer``."""
        settings = self.momentum, self.weight_decay
        old = [list(params), *state.slots]
        return _applied(_sgd, gradients, old, state.step + 1, (rate, settings, reuse, threads))


def clip_by_norm(gradients: Arrays, limit: float) -> tuple[list[NDArray[Any]], float]:
    """Scale gradients so that their common Euclidean norm is at most ``limit``.

    Returns
    -------
    gradients : list of arrays
        The given arrays where nothing is cut.
    norm : float
        Before clipping.
    """
    norm = float(np.sqrt(sum(float(_squares(np.ravel(g))) for g in gradients)))
    if norm <= limit:
        return list(gradients), norm
    return [g * g.dtype.type(limit / norm) for g in gradients], norm


def follow(average: Arrays, params: Arrays, share: float, threads: int = 1) -> None:
    """Move each number of ``average`` a share of the way to that of ``params``, in place."""
    for mean, now in zip(average, params, strict=True):
        _in_parts(_follow, [mean, now], (share,), threads)


def _applied(
    kernel: Any,
    gradients: Arrays,
    old: list[list[NDArray[Any]]],
    step: int,
    how: tuple[Rate, tuple[float, ...], bool, int],
) -> tuple[list[NDArray[Any]], State]:
    """Run a kernel over parameters and slots; ``how`` is (rate, settings, reuse, threads)."""
    rate, settings, reuse, threads = how
    new = old if reuse else [[p.copy() for p in group] for group in old]
    for i, gradient in enumerate(gradients):
        arrays = [gradient, *(group[i] for group in new)]
        _in_parts(kernel, arrays, (_of(rate, i), *settings), threads)
    return new[0], State(step, tuple(new[1:]))


def _of(rate: Rate, i: int) -> float:
    return rate[i] if isinstance(rate, Sequence) else rate


def _check(good: bool, name: str, value: float, remedy: str) -> None:
    if not good:
        raise UserError(f"optimizer: {name} is {value}; give {remedy}")


def _in_parts(kernel: Any, arrays: list[NDArray[Any]], settings: Any, threads: int) -> None:
    flat = [array.reshape(-1) for array in arrays]
    real = flat[0].dtype.type
    settings = tuple(real(number) for number in settings)
    parts = [slice(k, k + _PART) for k in range(0, len(flat[0]), _PART)]

    def work(part: slice) -> None:
        kernel(*(array[part] for array in flat), settings)

    in_threads(work, parts, threads)


@njit(cache=True, error_model="numpy", nogil=True)
def _adam(g, w, m, v, settings):  # type: ignore[no-untyped-def]
    rate, b1, b2, correct1, correct2, epsilon, decay = settings
    one = w.dtype.type(1)
    for i in range(len(g)):
        mean = b1 * m[i] + (one - b1) * g[i]
        square = b2 * v[i] + (one - b2) * g[i] * g[i]
        move = mean * correct1 / (np.sqrt(square * correct2) + epsilon)
        w[i] -= rate * (move + decay * w[i])
        m[i], v[i] = mean, square


@njit(cache=True, error_model="numpy", nogil=True)
def _sgd(g, w, m, settings):  # type: ignore[no-untyped-def]
    rate, momentum, decay = settings
    for i in range(len(g)):
        mean = momentum * m[i] + g[i]
        w[i] -= rate * (mean + decay * w[i])
        m[i] = mean


@njit(cache=True, error_model="numpy", nogil=True)
def _follow(mean, now, settings):  # type: ignore[no-untyped-def]
    (share,) = settings
    for i in range(len(mean)):
        mean[i] += share * (now[i] - mean[i])


@njit(cache=True, error_model="numpy", nogil=True)
def _squares(g):  # type: ignore[no-untyped-def]
    """Sum of squares in float64, in one order."""
    total = 0.0
    for i in range(len(g)):
        total += np.float64(g[i]) * np.float64(g[i])
    return total
