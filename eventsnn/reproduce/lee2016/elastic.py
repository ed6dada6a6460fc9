"""Elastic distortion of images (Simard, Steinkraus & Platt 2003), on a coarse random grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_KNOTS = 5
"""Random displacements along a side; between them they are interpolated."""


def distorted(
    images: NDArray[np.uint8], pixels: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return images (n, height, width) whose pixels were moved by ``pixels`` (one SD)."""
    n, height, width = images.shape
    moved = rng.normal(0, pixels, (2, n, _KNOTS, _KNOTS))
    rows, columns = _weights(height), _weights(width)
    dy, dx = np.einsum("hk,anki,wi->anhw", rows, moved, columns)
    y = np.clip(np.arange(height)[:, None] + dy, 0, height - 1)
    x = np.clip(np.arange(width) + dx, 0, width - 1)
    y0, x0 = np.minimum(y.astype(int), height - 2), np.minimum(x.astype(int), width - 2)
    fy, fx, number = y - y0, x - x0, np.arange(n)[:, None, None]
    top = images[number, y0, x0] * (1 - fx) + images[number, y0, x0 + 1] * fx
    low = images[number, y0 + 1, x0] * (1 - fx) + images[number, y0 + 1, x0 + 1] * fx
    out: NDArray[np.uint8] = np.rint(top * (1 - fy) + low * fy).astype(np.uint8)
    return out


def _weights(side: int) -> NDArray[np.float64]:
    """Return how much each knot counts at each pixel: smooth steps between neighbours."""
    place = np.linspace(0, _KNOTS - 1, side)
    near = np.clip(1 - np.abs(place[:, None] - np.arange(_KNOTS)), 0, 1)
    smooth: NDArray[np.float64] = near * near * (3 - 2 * near)
    return smooth
