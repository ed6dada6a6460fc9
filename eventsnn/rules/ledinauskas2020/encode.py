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
    found: NDArray[Any] = _pixels(images, order) * real(1 / 255)
    return found


def _pixels(images: Images, order: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the pixels of some images, (n, pixels): of none, too."""
    return images.images.reshape(len(images), -1)[order]


def drawn(
    images: Images,
    order: NDArray[np.int64],
    steps: int,
    rng: np.random.Generator | None,
    place: tuple[int, int],
) -> NDArray[np.uint8]:
    """Return spikes (n, steps, pixels): in each step with the probability of the intensity.

    Without ``rng`` they depend on the number of an image alone. With it they are drawn for all
    samples of a batch, in which these stand at ``place``: (the first one's, how many there are).
    """
    pixels = _pixels(images, order)
    out, shape = np.empty((len(order), steps, pixels.shape[1]), np.uint8), (steps, pixels.shape[1])
    first, n = place if rng is not None else (0, len(order))
    for k in range(-first, n - first):
        own = np.random.default_rng([EVALUATION, int(order[k])]) if rng is None else rng
        level = own.integers(0, 255, shape, np.uint8)
        if 0 <= k < len(order):
            out[k] = level < pixels[k]
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
    place: tuple[int, int],
) -> NDArray[Any]:
    """Return what the input sends; ``how`` is (constant or poisson, steps, type).

    ``place`` is that of the samples in their batch, as ``drawn`` takes it.
    """
    kind, steps, real = how
    if not isinstance(data, Images):
        return cut(data, order, steps)
    if kind == "constant":
        return currents(data, order, real)
    return drawn(data, order, steps, rng, place)
