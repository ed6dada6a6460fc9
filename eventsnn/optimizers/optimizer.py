"""Optimizers: pure functions from gradients to better parameters.

``state = optimizer.init(params)``, then ``params, state = optimizer.update(gradients,
state, params, rate)``. An optimizer is a frozen description; everything that changes is
in the state, which is plain arrays for a checkpoint. Each number is computed from its
own gradient alone, so that threads change no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import call
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.errors import UserError
from eventsnn.optimizers import kernels as kernel
from eventsnn.threads import in_threads

Param = NDArray[Any] | Laid
"""Numbers that learn, or an average or a moment of them."""

Params = Sequence[Param]
Gradients = Sequence[NDArray[Any] | Blockwise]

Rate = float | Sequence[float]
"""Learning rate, one for all or one a parameter."""

_PART = 1 << 16  # numbers that a thread takes in one go


class State(NamedTuple):
    """What an optimizer remembers.

    Attributes
    ----------
    step : int
        Updates made.
    slots : tuple of lists
        As many lists as the optimizer has moments, one of the kind of each parameter in each.
    """

    step: int
    slots: tuple[list[Param], ...]


class Optimizer(Protocol):
    """What every optimizer can do."""

    def init(self, params: Params) -> State:
        """Return the state before the first update."""

    def update(
        self,
        gradients: Gradients,
        state: State,
        params: Params,
        rate: Rate,
        *,
        reuse: bool = False,
        threads: int = 1,
    ) -> tuple[list[Param], State]:
        """Return new parameters and the new state.

        ``reuse`` writes them where the old ones are, which saves as much memory again. A block
        of a ``Blockwise`` gradient is summed by the thread that then changes its weights, if
        they are laid out.
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

    def init(self, params: Params) -> State:
        """See ``Optimizer``."""
        return State(0, (_zeros(params), _zeros(params)))

    def update(
        self,
        gradients: Gradients,
        state: State,
        params: Params,
        rate: Rate,
        *,
        reuse: bool = False,
        threads: int = 1,
    ) -> tuple[list[Param], State]:
        """See ``Optimizer``."""
        step = state.step + 1
        corrections = 1 / (1 - self.beta1**step), 1 / (1 - self.beta2**step)
        settings = (self.beta1, self.beta2, *corrections, self.epsilon, self.weight_decay)
        old, kernels = [list(params), *state.slots], (kernel.adam, kernel.adam_block)
        return _applied(kernels, gradients, old, step, (rate, settings, reuse, threads))


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

    def init(self, params: Params) -> State:
        """See ``Optimizer``."""
        return State(0, (_zeros(params),))

    def update(
        self,
        gradients: Gradients,
        state: State,
        params: Params,
        rate: Rate,
        *,
        reuse: bool = False,
        threads: int = 1,
    ) -> tuple[list[Param], State]:
        """See ``Optimizer``."""
        settings = self.momentum, self.weight_decay
        old, how = [list(params), *state.slots], (rate, settings, reuse, threads)
        return _applied((kernel.sgd, kernel.sgd_block), gradients, old, state.step + 1, how)


def clip_by_norm(
    gradients: Sequence[NDArray[Any]], limit: float
) -> tuple[list[NDArray[Any]], float]:
    """Scale gradients so that their common Euclidean norm is at most ``limit``.

    Returns
    -------
    gradients : list of arrays
        The given arrays where nothing is cut.
    norm : float
        Before clipping.
    """
    norm = float(np.sqrt(sum(float(kernel.squares(np.ravel(g))) for g in gradients)))
    if norm <= limit:
        return list(gradients), norm
    return [g * g.dtype.type(limit / norm) for g in gradients], norm


def follow(average: Params, params: Params, share: float, threads: int = 1) -> None:
    """Move each number of ``average`` a share of the way to that of ``params``, in place."""
    tasks: list[Callable[[], None]] = []
    for pair in zip(average, params, strict=True):
        tasks += _in_parts(kernel.follow, pair, (share,))
    in_threads(call, tasks, threads)


def _applied(
    kernels: tuple[Any, Any],
    gradients: Gradients,
    old: list[list[Param]],
    step: int,
    how: tuple[Rate, tuple[float, ...], bool, int],
) -> tuple[list[Param], State]:
    """Run kernels, for numbers and for blocks; ``how`` is (rate, settings, reuse, threads)."""
    rate, settings, reuse, threads = how
    new = old if reuse else [[p.copy() for p in group] for group in old]
    tasks: list[Callable[[], None]] = []
    for i, gradient in enumerate(gradients):
        params, numbers = [group[i] for group in new], (_of(rate, i), *settings)
        laid = [p for p in params if isinstance(p, Laid)]
        if isinstance(gradient, Blockwise) and laid:
            tasks += _in_blocks(kernels[1], gradient, laid, numbers)
            continue
        whole = gradient.whole(threads) if isinstance(gradient, Blockwise) else gradient
        tasks += _in_parts(kernels[0], [Laid.of(whole) if laid else whole, *params], numbers)
    in_threads(call, tasks, threads)
    return new[0], State(step, tuple(new[1:]))


def _zeros(params: Params) -> list[Param]:
    return [
        Laid.room(p.shape, p.dtype) if isinstance(p, Laid) else np.zeros_like(p) for p in params
    ]


def _of(rate: Rate, i: int) -> float:
    return rate[i] if isinstance(rate, Sequence) else rate


def _check(good: bool, name: str, value: float, remedy: str) -> None:
    if not good:
        raise UserError(f"optimizer: {name} is {value}; give {remedy}")


def _in_parts(
    update: Any, params: Sequence[Param], settings: tuple[float, ...]
) -> list[Callable[[], None]]:
    """Return calls of a kernel for some of the numbers each."""
    numbers = _typed(settings, params[0].dtype)

    def work(part: slice, flat: list[NDArray[Any]]) -> None:
        update(*(array[part] for array in flat), numbers)

    tasks: list[Callable[[], None]] = []
    for arrays in zip(*(p.parts if isinstance(p, Laid) else [p] for p in params), strict=True):
        flat = [array.reshape(-1) for array in arrays]
        parts = (slice(k, k + _PART) for k in range(0, len(flat[0]), _PART))
        tasks += [partial(work, part, flat) for part in parts]
    return tasks


def _in_blocks(
    update: Any, gradient: Blockwise, params: list[Laid], settings: tuple[float, ...]
) -> list[Callable[[], None]]:
    """Return calls that sum a block of a gradient and run a kernel over it."""
    numbers = _typed(settings, gradient.dtype)

    def work(units: slice) -> None:
        block = gradient.block(units)
        for first, *parts in zip(params[0].firsts, *(p.parts for p in params), strict=True):
            a, b = max(units.start, first), min(units.stop, first + parts[0].shape[1])
            if a < b:
                tile = np.empty((kernel.TILE, b - a), gradient.dtype)
                rows = block[a - units.start : b - units.start]
                update(rows, a - first, tile, *parts, numbers)

    return [partial(work, units) for units in gradient.blocks]


def _typed(settings: tuple[float, ...], dtype: np.dtype[Any]) -> tuple[Any, ...]:
    return tuple(dtype.type(number) for number in settings)
