"""Kernels over parameters of any layout, on threads: what optimizers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import call
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered.dense.backward import Blockwise
from eventsnn.engines.layered.dense.laid import Laid
from eventsnn.engines.layered.lanes import TILE
from eventsnn.optimizers import kernels as kernel
from eventsnn.optimizers.optimizer import Gradients, Param, Params, Rate, State
from eventsnn.threads import in_threads

_PART = 1 << 16  # numbers that a thread takes in one go


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


def applied(
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


def zeros(params: Params) -> list[Param]:
    """Return zeros laid out as parameters are."""
    return [
        Laid.room(p.shape, p.dtype) if isinstance(p, Laid) else np.zeros_like(p) for p in params
    ]


def _of(rate: Rate, i: int) -> float:
    return rate[i] if isinstance(rate, Sequence) else rate


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
                tile = np.empty((TILE, b - a), gradient.dtype)
                rows = block[a - units.start : b - units.start]
                update(rows, a - first, tile, *parts, numbers)

    return [partial(work, units) for units in gradient.blocks]


def _typed(settings: tuple[float, ...], dtype: np.dtype[Any]) -> tuple[Any, ...]:
    return tuple(dtype.type(number) for number in settings)
