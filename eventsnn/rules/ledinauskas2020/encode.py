"""Samples as what the input sends: a current that stays the same, or spikes a step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.data.images import Images

EVALUATION = 0x9E3779B9
"""Seed of what is drawn for an image when a network is evaluated, beside the image's number."""


def currents(images: Images, order: NDArray[np.int64], real: Any) -> NDArray[Any]:
    """Return intensities in [0, 1], (n, pixels)."""
    found: NDArray[Any] = images.images[order].reshape(len(order), -1) * real(1 / 255)
    return found


def drawn(
    images: Images,
    order: NDArray[np.int64],
    steps: int,
    rng: np.random.Generator | None,
    rows: slice,
) -> NDArray[np.uint8]:
    """Return spikes of some rows, (n, steps, pixels): each with the probability of its intensity.

    Without ``rng`` they depend on the number of an image alone; it draws for all.
    """
    pixels = images.images[order].reshape(len(order), -1)
    out = np.empty((rows.stop - rows.start, steps, pixels.shape[1]), np.uint8)
    for k, number in enumerate(order.tolist()):
        own = np.random.default_rng([EVALUATION, number]) if rng is None else rng
        level = own.integers(0, 255, (steps, pixels.shape[1]), np.uint8)
        if rows.start <= k < rows.stop:
            out[k - rows.start] = level < pixels[k]
    return out


def cut(data: Any, order: NDArray[np.int64], steps: int) -> NDArray[np.uint8]:
    """Return recordings cut into equal steps: whether an input fired in a step."""
    out = np.zeros((len(order), steps, data.n_units), np.uint8)
    for k, i in enumerate(order.tolist()):
        events = slice(int(data.start[i]), int(data.start[i + 1]))
        t, span = np.asarray(data.t[events], np.int64), max(int(data.duration[i]), 1)
        inside = t < span
        out[k, t[inside] * steps // span, np.asarray(data.unit[events], np.int64)[inside]] = 1
    return out


def encoded(
    data: Data,
    order: NDArray[np.int64],
    how: tuple[str, int, Any],
    rng: np.random.Generator | None,
    rows: slice,
) -> NDArray[Any]:
    """Return what the input sends of some rows; ``how`` is (constant or poisson, steps, type)."""
    kind, steps, real = how
    if not isinstance(data, Images):
        return cut(data, order[rows], steps)
    if kind == "constant":
        return currents(data, order[rows], real)
    return drawn(data, order, steps, rng, rows)
